package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/command"
)

// request is a line that was parsed.
type request struct {
	name      string // of the command
	accountID string
	detail    string // of the command, for people
	commandID string // as the line gives it; empty if it gives none
	command   any
	options   []command.Option
}

// parse reads one line. Its error names everything that is wrong with it.
func parse(text []byte) (request, error) {
	f, err := split(text)
	if err != nil {
		return request{}, err
	}
	r := request{name: f.text("command")}
	switch r.name {
	case "CreateAccount":
		r.create(f)
	case "CreditAccount":
		c, detail := f.movement("from")
		r.command, r.accountID, r.detail = c, c.AccountID, detail
	case "DebitAccount":
		c, detail := f.movement("to")
		r.command, r.accountID, r.detail = account.DebitAccount(c), c.AccountID, detail
	case "":
		return request{}, errors.Join(f.wrong...)
	default:
		return request{}, fmt.Errorf("unknown command %q, expected CreateAccount, CreditAccount or DebitAccount",
			r.name)
	}
	if actor := f.optional("actor"); actor != "" {
		r.options = append(r.options, command.WithActor(actor))
	}
	f.rest(r.name)
	return r, errors.Join(f.wrong...)
}

func (r *request) create(f *fields) {
	c := account.CreateAccount{
		AccountID:   f.text("accountId"),
		OwnerID:     f.text("ownerId"),
		OwnerType:   account.OwnerType(f.text("ownerType")),
		AccountType: account.Type(f.text("accountType")),
		Currency:    money.Currency(f.text("currency")),
	}
	r.detail = fmt.Sprintf("%s account of %s %s in %s", c.AccountType, c.OwnerType, c.OwnerID, c.Currency)
	if limit := f.optional("minBalance"); limit != "" {
		c.MinBalance = new(f.amount("minBalance", limit))
		r.detail += ", at least " + limit
	}
	if limit := f.optional("maxBalance"); limit != "" {
		c.MaxBalance = new(f.amount("maxBalance", limit))
		r.detail += ", at most " + limit
	}
	r.command, r.accountID = c, c.AccountID
	if r.commandID = f.optional("commandId"); r.commandID != "" {
		r.options = append(r.options, command.WithID(r.commandID))
	}
}

// movement reads the common part of a credit and a debit. Their commands name their own ids.
func (f *fields) movement(preposition string) (account.CreditAccount, string) {
	c := account.CreditAccount{
		AccountID:     f.text("accountId"),
		TransactionID: f.text("transactionId"),
		EntryType:     account.EntryType(f.text("entryType")),
		Contra:        f.text("contra"),
	}
	c.Currency = money.Currency(f.text("currency"))
	if decimal := f.text("amount"); decimal != "" {
		c.Amount = f.amount("amount", decimal)
	}
	if at := f.optional("effectiveAt"); at != "" {
		var err error
		if c.EffectiveAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			f.fail("effectiveAt is %q, expected a time such as \"2026-01-31T18:00:00Z\"", at)
		}
	}
	return c, fmt.Sprintf("%s of %s %s %s %s, %s", c.EntryType, c.Amount, c.Currency, preposition, c.Contra,
		c.TransactionID)
}

// fields are the members of a line's JSON object. Its methods take out the members that the parser
// asks for, and gather mistakes.
type fields struct {
	values map[string]json.RawMessage
	asked  []string
	wrong  []error
}

// split reads the members of a JSON object. It is stricter than package json: each member once,
// names in exact case, and nothing but UTF-8.
func split(text []byte) (*fields, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the line is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the line is not a JSON object such as {\"command\": \"CreateAccount\", …}")
	}
	f := &fields{values: make(map[string]json.RawMessage)}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, notJSON(d, err)
		}
		name, _ := t.(string) // the decoder has checked it
		if _, twice := f.values[name]; twice {
			return nil, fmt.Errorf("field %q is there twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notJSON(d, err)
		}
		f.values[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows the JSON object, after byte %d: one command a line", d.InputOffset())
	}
	return f, nil
}

func notJSON(d *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON object is not closed")
	}
	return fmt.Errorf("bad JSON after byte %d: %w", d.InputOffset(), err)
}

func (f *fields) fail(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Errorf(format, args...))
}

// text takes a member that must be there.
func (f *fields) text(name string) string {
	before := len(f.wrong)
	value := f.optional(name)
	if value == "" && len(f.wrong) == before {
		f.fail("field %q is missing", name)
	}
	return value
}

// optional takes a member that may be left out, be null or be empty.
func (f *fields) optional(name string) string {
	f.asked = append(f.asked, name)
	raw, ok := f.values[name]
	if !ok {
		return ""
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil {
		f.fail("field %q is %s, expected a string such as %s", name, short(raw), example(name))
	}
	if value == nil {
		return ""
	}
	return *value
}

// amount returns a decimal. Only the account knows whether it can count that.
func (f *fields) amount(name, decimal string) money.Decimal {
	amount := money.Decimal(decimal)
	if err := amount.Check(); err != nil {
		f.fail("%s: %w", name, err)
	}
	return amount
}

// rest fails if there are members that the parser did not ask for.
func (f *fields) rest(command string) {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !slices.Contains(f.asked, name) {
			f.fail("unknown field %q, %s has %s", name, command, strings.Join(f.asked, ", "))
		}
	}
}

func example(name string) string {
	switch name {
	case "amount", "minBalance", "maxBalance":
		return strconv.Quote("12.50")
	}
	return strconv.Quote("text")
}

func short(raw []byte) string {
	const most = 40
	if len(raw) > most {
		return string(raw[:most]) + "…"
	}
	return string(raw)
}
