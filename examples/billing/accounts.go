package main

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/query"
)

const accountsPath = "/v1/accounts"

type newAccount struct {
	ID          freeAccountID     `json:"id" example:"acme/alice" doc:"Names the account for ever."`
	OwnerID     freeName          `json:"ownerId" example:"user-1"`
	OwnerType   account.OwnerType `json:"ownerType" enum:"USER,ORGANIZATION,SYSTEM"`
	AccountType account.Type      `json:"accountType" enum:"USER,SYSTEM,EXTERNAL" doc:"EXTERNAL is the world outside: without limits."`
	Currency    currencyCode      `json:"currency" example:"USD" doc:"A code of ISO 4217."`
	MinBalance  *limitText        `json:"minBalance,omitempty" example:"-100.00" doc:"What posted less held may not fall below, 0 or less. Default: 0."`
	MaxBalance  *limitText        `json:"maxBalance,omitempty" example:"10000.00" doc:"What posted may not exceed. Default: no such limit."`
}

type accountBody struct {
	ID          string            `json:"id"`
	Status      account.Status    `json:"status"`
	Version     int64             `json:"version" doc:"The number of the account's events."`
	OwnerID     string            `json:"ownerId"`
	OwnerType   account.OwnerType `json:"ownerType"`
	AccountType account.Type      `json:"accountType"`
	Currency    money.Currency    `json:"currency"`
	MinBalance  *string           `json:"minBalance,omitempty" doc:"Absent: no such limit."`
	MaxBalance  *string           `json:"maxBalance,omitempty" doc:"Absent: no such limit."`
	CreatedAt   time.Time         `json:"createdAt"`
}

type balanceBody struct {
	AccountID string         `json:"accountId"`
	Version   int64          `json:"version" doc:"The number of the account's events that the balance counts."`
	Currency  money.Currency `json:"currency"`
	Posted    string         `json:"posted" example:"100.00" doc:"Credits less debits."`
	Held      string         `json:"held" example:"0.00" doc:"Reserved, and still posted."`
	Available *string        `json:"available,omitempty" example:"100.00" doc:"What can be debited. Absent: without limit."`
}

type createAccountRequest struct {
	Key  freeName `header:"Idempotency-Key" doc:"Makes the request safe to repeat. Default: a new one."`
	Body newAccount
}

type createAccountAnswer struct {
	Idempotency
	Location string `header:"Location"`
	Body     accountBody
}

type accountRequest struct {
	AccountID accountID `path:"accountId" example:"acme/alice" doc:"Percent-encoded where it has a slash: acme%2Falice."`
}

type accountAnswer struct{ Body accountBody }

type balanceAnswer struct{ Body balanceBody }

type accountsRequest struct {
	After accountID `query:"after" example:"acme/alice" doc:"The id after which to begin: next of the page before. Default: at the beginning."`
	Limit int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many accounts a page has at most."`
}

type accountsAnswer struct{ Body accountsBody }

type accountsBody struct {
	Accounts []accountBody `json:"accounts" nullable:"false" doc:"In the order of their ids, byte by byte."`
	HasMore  bool          `json:"hasMore" doc:"Whether there are accounts after these."`
	Next     string        `json:"next,omitempty" example:"acme/alice" doc:"What to give as after for the next page. Absent: this is the last."`
}

func accountEndpoints(api huma.API, v *service) {
	huma.Register(api, operation(api, http.MethodPost, accountsPath, "createAccount", accountsTag, "Open an account",
		"Opens an account, once and for all under its id. Its currency and the digits that it "+
			"counts with never change.", http.StatusCreated,
		account.ErrAccountAlreadyExists, account.ErrInvalidOwner, account.ErrInvalidAccountType,
		account.ErrInvalidLimits,
		refusal.CommandReused, money.ErrInvalidCurrency, money.ErrInvalidAmount, money.ErrPrecision,
		money.ErrOverflow), v.createAccount)
	huma.Register(api, operation(api, http.MethodGet, accountsPath, "listAccounts", accountsTag, "All accounts",
		"All accounts in the order of their ids, page by page. Accounts that are opened meanwhile are on a page if "+
			"their ids come after it. Those that another instance owns may be missing for a moment.", http.StatusOK),
		v.list)
	huma.Register(api, operation(api, http.MethodGet, accountsPath+"/{accountId}", "getAccount", accountsTag,
		"What an account is",
		"What the account is, with everything that was answered before.", http.StatusOK,
		account.ErrAccountNotFound), v.account)
	huma.Register(api, operation(api, http.MethodGet, accountsPath+"/{accountId}/balance", "getBalance", accountsTag,
		"What an account holds",
		"What is posted, held and available, with everything that was answered before.", http.StatusOK,
		account.ErrAccountNotFound), v.balance)
}

func (v *service) createAccount(ctx context.Context, r *createAccountRequest) (*createAccountAnswer, error) {
	c := account.CreateAccount{
		AccountID: string(r.Body.ID), OwnerID: string(r.Body.OwnerID), OwnerType: r.Body.OwnerType,
		AccountType: r.Body.AccountType,
		Currency:    money.Currency(r.Body.Currency),
		MinBalance:  (*money.Decimal)(r.Body.MinBalance), MaxBalance: (*money.Decimal)(r.Body.MaxBalance),
	}
	key := cmp.Or(string(r.Key), v.newID())
	if err := checkFree(keyHeader, key); err != nil {
		return nil, v.problemOf(ctx, err)
	}
	e, id, err := v.submit(ctx, submission{key: key, keyName: keyHeader, accountID: c.AccountID, command: c})
	if err != nil {
		return nil, err
	}
	return &createAccountAnswer{
		Idempotency: id, Location: accountsPath + "/" + url.PathEscape(c.AccountID), Body: accountOf(asCreated(e)),
	}, nil
}

// asCreated returns what the account was right after its first event. So a repetition gets the same
// answer, whatever has happened since.
func asCreated(e event.Envelope[any]) account.Details {
	var a account.Account
	created, _ := e.Event.(account.AccountCreated) // no other event has this command's id
	created.Apply(&a)
	lowest, highest := a.Limits()
	return account.Details{
		AccountID: e.AggregateID, Version: e.AggregateVersion, Status: a.Status, OwnerID: a.OwnerID,
		OwnerType: a.OwnerType, Type: a.Type,
		Currency: a.Currency, Exponent: a.Exponent,
		MinBalance: lowest.Pointer(), MaxBalance: highest.Pointer(), CreatedAt: e.Timestamp,
	}
}

func (v *service) list(ctx context.Context, r *accountsRequest) (*accountsAnswer, error) {
	page, more, err := v.accounts.View.Accounts(ctx, string(r.After), r.Limit)
	if err != nil {
		return nil, v.problemOf(ctx, err)
	}
	body := accountsBody{Accounts: make([]accountBody, len(page)), HasMore: more}
	for i, d := range page {
		body.Accounts[i] = accountOf(d)
	}
	if more {
		body.Next = page[len(page)-1].AccountID
	}
	return &accountsAnswer{Body: body}, nil
}

func (v *service) account(ctx context.Context, r *accountRequest) (*accountAnswer, error) {
	details, err := query.Ask(ctx, v.queries, account.GetAccount{AccountID: string(r.AccountID)})
	if err != nil {
		return nil, v.problemOf(ctx, err)
	}
	return &accountAnswer{Body: accountOf(details)}, nil
}

func (v *service) balance(ctx context.Context, r *accountRequest) (*balanceAnswer, error) {
	b, err := query.Ask(ctx, v.queries, account.GetBalance{AccountID: string(r.AccountID)})
	if err != nil {
		return nil, v.problemOf(ctx, err)
	}
	return &balanceAnswer{Body: balanceBody{
		AccountID: b.AccountID, Version: b.Version, Currency: b.Currency,
		Posted: b.Format(b.Posted), Held: b.Format(b.Held), Available: decimal(b.Available, b.Exponent),
	}}, nil
}

func accountOf(d account.Details) accountBody {
	return accountBody{
		ID: d.AccountID, Status: d.Status, Version: d.Version, OwnerID: d.OwnerID, OwnerType: d.OwnerType,
		AccountType: d.Type,
		Currency:    d.Currency, MinBalance: decimal(d.MinBalance, d.Exponent),
		MaxBalance: decimal(d.MaxBalance, d.Exponent), CreatedAt: d.CreatedAt,
	}
}

// decimal writes an amount that may be absent.
func decimal(minor *int64, exponent int) *string {
	if minor == nil {
		return nil
	}
	text := money.Format(*minor, exponent)
	return &text
}
