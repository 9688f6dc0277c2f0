package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

const (
	indent       = "                     " // below the command's account
	accountWidth = 10
	unlimited    = "no limit"
)

// printer lays out the output of the program. It keeps the first error of its writer and then
// writes no more.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// note writes a line below a command.
func (p *printer) note(format string, args ...any) { p.below("=", fmt.Sprintf(format, args...)) }

func (p *printer) below(sign, text string) { p.printf("%s%s %s\n", indent, sign, text) }

func (p *printer) opening(store, source string, found []account.Balance) {
	events := int64(0)
	for _, b := range found {
		events += b.Version
	}
	p.printf("Events    %s\n", store)
	p.printf("Found     %s of %s\n", counted(events, "event"), counted(int64(len(found)), "account"))
	p.printf("Commands  from %s\n\n", source)
}

func (p *printer) command(number int, r request) {
	p.printf("%4d  %-13s  %s  %s\n", number, r.name, pad(shown(r.accountID), accountWidth), shown(r.detail))
}

func (p *printer) event(e event.Envelope[any], in account.Details) {
	text := fmt.Sprintf("v%d %s", e.AggregateVersion, e.Type)
	switch made := e.Event.(type) {
	case account.AccountCredited:
		text += ", balance " + money.Format(made.BalanceAfter, in.Exponent)
	case account.AccountDebited:
		text += ", balance " + money.Format(made.BalanceAfter, in.Exponent)
	}
	p.below("→", text)
}

func (p *printer) refused(err error) {
	reason := "InvalidInput"
	if code, ok := refusal.Of(err); ok {
		reason = string(code)
	}
	p.below("✗", fmt.Sprintf("%s: %s", reason, oneLine(err)))
}

// reused says that another command has the id. The error's own text is for programmers.
func (p *printer) reused(err *eventstore.CommandReusedError) {
	p.below("✗", fmt.Sprintf("%s: account %q has another command with the id %q: another command needs another id",
		refusal.CommandReused, err.Stream.ID, err.CommandID))
}

func (p *printer) malformed(number int, err error) {
	p.printf("%4d  ✗ line %d is malformed: %s\n", number, number, oneLine(err))
}

func (p *printer) closing(t tally, balances []account.Balance) {
	p.printf("\n%s: %d accepted, %d applied before, %d refused; %d malformed\n",
		counted(int64(t.accepted+t.repeated+t.refused), "command"), t.accepted, t.repeated, t.refused, t.malformed)
	if len(balances) == 0 {
		return
	}
	rows := [][]string{{"Account", "Version", "Posted", "Held", "Available", "Currency"}}
	for _, b := range balances {
		available := unlimited
		if b.Available != nil {
			available = b.Format(*b.Available)
		}
		rows = append(rows, []string{
			shown(b.AccountID), strconv.FormatInt(b.Version, 10), b.Format(b.Posted), b.Format(b.Held), available,
			string(b.Currency),
		})
	}
	p.printf("\n")
	p.table(append(rows, sums(balances)...))
}

// sums adds the posted balances of each currency. A sum is 0 as long as every movement has two
// sides.
func sums(balances []account.Balance) [][]string {
	type unit struct {
		currency money.Currency
		exponent int
	}
	var units []unit
	total := make(map[unit]int64)
	overflown := make(map[unit]bool)
	for _, b := range balances {
		u := unit{b.Currency, b.Exponent}
		if _, seen := total[u]; !seen {
			units = append(units, u)
		}
		sum, err := money.Add(total[u], b.Posted)
		total[u] = sum
		overflown[u] = overflown[u] || err != nil
	}
	rows := make([][]string, 0, len(units))
	for _, u := range units {
		sum := money.Format(total[u], u.exponent)
		if overflown[u] {
			sum = "out of range"
		}
		rows = append(rows, []string{"Sum", "", sum, "", "", string(u.currency)})
	}
	return rows
}

// table writes rows with aligned columns: text to the left in the first and last one, figures to
// the right.
func (p *printer) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		cells := slices.Clone(row)
		for i, cell := range row {
			if i == 0 {
				cells[i] = pad(cell, widths[i])
			} else if i < len(row)-1 {
				cells[i] = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + cell
			}
		}
		p.printf("%s\n", strings.Join(cells, "  "))
	}
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// shown returns a user's text in a form for a terminal: in one line, without control characters,
// not too long.
func shown(s string) string {
	const most = 80
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		s = strconv.Quote(s)
	}
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}

// oneLine returns the text of an error, joined ones with semicolons, in a form for a terminal.
func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(err.Error(), "\n", "; "))
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
