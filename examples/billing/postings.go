package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/event"
)

type newPosting struct {
	TransactionID freeName          `json:"transactionId" example:"topup-1" doc:"The key of the request: a transaction has one effect on an account, however often it is sent."`
	EntryType     account.EntryType `json:"entryType" enum:"TOPUP,PAYMENT,TRANSFER,REFUND,REVERSAL,ADJUSTMENT"`
	Amount        amountText        `json:"amount" example:"12.50" doc:"Above 0."`
	Currency      currencyCode      `json:"currency" example:"USD" doc:"That of the account."`
	Contra        freeAccountID     `json:"contra" example:"acme/bank" doc:"The account on the other side."`
	EffectiveAt   *time.Time        `json:"effectiveAt,omitempty" doc:"When it counts, kept to the microsecond. Default: now."`
}

type postingBody struct {
	AccountID     string            `json:"accountId"`
	TransactionID string            `json:"transactionId"`
	Direction     string            `json:"direction" enum:"CREDIT,DEBIT"`
	EntryType     account.EntryType `json:"entryType"`
	Amount        string            `json:"amount" example:"12.50"`
	Currency      money.Currency    `json:"currency"`
	Contra        string            `json:"contra"`
	BalanceAfter  string            `json:"balanceAfter" example:"100.00" doc:"What was posted once this was."`
	EffectiveAt   time.Time         `json:"effectiveAt"`
	EventID       string            `json:"eventId"`
	Version       int64             `json:"version" doc:"Of the account, once this was posted."`
}

type postingRequest struct {
	AccountID freeAccountID `path:"accountId" example:"acme/alice" doc:"Percent-encoded where it has a slash: acme%2Falice."`
	Key       freeName      `header:"Idempotency-Key" doc:"The transactionId, or left out."`
	Body      newPosting
}

type postingAnswer struct {
	Idempotency
	Location string `header:"Location"`
	Body     postingBody
}

type onePostingRequest struct {
	AccountID     accountID `path:"accountId" example:"acme/alice" doc:"Percent-encoded where it has a slash: acme%2Falice."`
	TransactionID name      `path:"transactionId" example:"topup-1"`
}

type onePostingAnswer struct{ Body postingBody }

func postingEndpoints(api huma.API, v *service) {
	huma.Register(api, operation(api, http.MethodPost, accountsPath+"/{accountId}/credits",
		"creditAccount", postingsTag, "Add an amount to an account",
		"Adds an amount, once for each transactionId.", http.StatusCreated,
		postingCodes(account.ErrMaxBalanceExceeded)...), v.credit)
	huma.Register(api, operation(api, http.MethodPost, accountsPath+"/{accountId}/debits", "debitAccount", postingsTag,
		"Take an amount from an account",
		"Takes an amount, if that much is available, once for each transactionId.",
		http.StatusCreated, postingCodes(account.ErrInsufficientFunds)...), v.debit)
	huma.Register(api, operation(api, http.MethodGet, accountsPath+"/{accountId}/postings/{transactionId}",
		"getPosting", postingsTag, "What a transaction did to an account",
		"The answer that the credit or the debit had.", http.StatusOK, account.ErrAccountNotFound, codeNoPosting),
		v.posting)
}

func (v *service) credit(ctx context.Context, r *postingRequest) (*postingAnswer, error) {
	return v.post(ctx, r, func(c account.CreditAccount) any { return c })
}

func (v *service) debit(ctx context.Context, r *postingRequest) (*postingAnswer, error) {
	return v.post(ctx, r, func(c account.CreditAccount) any { return account.DebitAccount(c) })
}

// post does what credits and debits have in common. as makes the command of their fields.
func (v *service) post(
	ctx context.Context, r *postingRequest, as func(account.CreditAccount) any,
) (*postingAnswer, error) {
	c := account.CreditAccount{
		AccountID: string(r.AccountID), TransactionID: string(r.Body.TransactionID), EntryType: r.Body.EntryType,
		Amount: money.Decimal(r.Body.Amount), Currency: money.Currency(r.Body.Currency), Contra: string(r.Body.Contra),
	}
	if err := checkPostingKey(string(r.Key), c.TransactionID); err != nil {
		return nil, v.problemOf(ctx, err)
	}
	if r.Body.EffectiveAt != nil {
		// It is kept to the microsecond. So a repetition may have the digits below that, or not.
		c.EffectiveAt = r.Body.EffectiveAt.Truncate(time.Microsecond)
		if c.EffectiveAt.IsZero() { // the zero time would stand for now
			return nil, v.problemOf(ctx, &account.TimeError{}).header(keyHeader, c.TransactionID)
		}
	}
	e, id, err := v.submit(ctx, submission{
		key: c.TransactionID, keyName: transactionField, accountID: c.AccountID, command: as(c),
	})
	if err != nil {
		return nil, err
	}
	p, ok := postingOf(e)
	if !ok {
		err = fmt.Errorf("event %s of account %q is %s, expected a credit or a debit", e.ID, e.AggregateID, e.Type)
		return nil, v.problemOf(ctx, err)
	}
	if !p.counts() {
		opening, err := v.opening(ctx, c.AccountID)
		if err != nil {
			return nil, v.problemOf(ctx, err)
		}
		p = p.as(opening)
	}
	return &postingAnswer{Idempotency: id, Location: postingPath(c.AccountID, c.TransactionID), Body: p.body(e)}, nil
}

const transactionField = "transactionId"

// checkPostingKey checks the ids of a posting. The key of a posting is its transaction's id, so an
// Idempotency-Key must be that one. An empty key was left out.
func checkPostingKey(key, transactionID string) error {
	if err := checkFree(transactionField, transactionID); err != nil {
		return err
	}
	if key == "" || key == transactionID {
		return nil
	}
	if err := checkFree(keyHeader, key); err != nil {
		return err
	}
	return newProblem(http.StatusUnprocessableEntity, codeKeyMismatch,
		fmt.Sprintf("the Idempotency-Key is %q, expected %q, the transactionId, which is the key of a posting: "+
			"nothing was changed; leave the header out, or send the transactionId in it", key, transactionID)).
		header(keyHeader, key)
}

func postingPath(accountID, transactionID string) string {
	return accountsPath + "/" + url.PathEscape(accountID) + "/postings/" + url.PathEscape(transactionID)
}

// posting returns what one transaction did to an account. It reads the account's history up to that
// transaction.
func (v *service) posting(ctx context.Context, r *onePostingRequest) (*onePostingAnswer, error) {
	id := string(r.AccountID)
	var opening *account.AccountCreated
	for e, err := range v.accounts.Repository.History(ctx, id, 1) {
		if err == nil && opening == nil {
			opening, err = openingOf(e)
		}
		if err != nil {
			return nil, v.problemOf(ctx, err)
		}
		for _, one := range e.Events {
			found := event.Envelope[any]{Header: e.Header, Position: e.Position, Event: one}
			p, ok := postingOf(found)
			if !ok || p.transactionID != string(r.TransactionID) {
				continue
			}
			if !p.counts() {
				p = p.as(opening)
			}
			return &onePostingAnswer{Body: p.body(found)}, nil
		}
	}
	if opening == nil {
		return nil, v.problemOf(ctx, &account.NotFoundError{AccountID: id})
	}
	return nil, newProblem(http.StatusNotFound, codeNoPosting,
		fmt.Sprintf("account %q has no posting of transaction %q", r.AccountID, r.TransactionID))
}

// posting is what the events of credits and debits have in common.
type posting struct {
	direction     string
	currency      money.Currency
	exponent      int32
	transactionID string
	entryType     account.EntryType
	amount        int64
	contra        string
	balanceAfter  int64
	effectiveAt   time.Time
}

func postingOf(e event.Envelope[any]) (posting, bool) {
	switch c := e.Event.(type) {
	case account.AccountCredited:
		return posting{
			"CREDIT", c.Currency, c.Exponent, c.TransactionID, c.EntryType, c.Amount, c.Contra, c.BalanceAfter,
			c.EffectiveAt,
		}, true
	case account.AccountDebited:
		return posting{
			"DEBIT", c.Currency, c.Exponent, c.TransactionID, c.EntryType, c.Amount, c.Contra, c.BalanceAfter,
			c.EffectiveAt,
		}, true
	}
	return posting{}, false
}

// counts reports whether the event itself has the currency and the digits of its amounts. An event
// of the first revision has not.
func (p posting) counts() bool { return p.exponent >= 0 }

// as returns the posting with the currency and the digits of its account.
func (p posting) as(opening *account.AccountCreated) posting {
	p.currency, p.exponent = opening.Currency, opening.Exponent
	return p
}

// body returns the answer for the posting of an event. The posting must have its currency and its
// digits.
func (p posting) body(e event.Envelope[any]) postingBody {
	exponent := int(p.exponent)
	return postingBody{
		AccountID: e.AggregateID, TransactionID: p.transactionID, Direction: p.direction, EntryType: p.entryType,
		Amount: money.Format(p.amount, exponent), Currency: p.currency, Contra: p.contra,
		BalanceAfter: money.Format(p.balanceAfter, exponent), EffectiveAt: p.effectiveAt, EventID: e.ID,
		Version: e.AggregateVersion,
	}
}
