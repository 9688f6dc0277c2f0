package main

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// withAccount starts the service with an account that has the given events, whatever the table of
// currencies says today. The command "before" has made them.
func withAccount(t *testing.T, id string, events ...aggregate.Event[account.Account]) with {
	t.Helper()
	return func(s *server) {
		s.connect = func(ctx context.Context, set settings, tel *telemetry, logger *slog.Logger) (*backend, error) {
			b, err := connect(ctx, set, tel, logger)
			if err != nil {
				return nil, err
			}
			accounts, err := aggregate.NewRepository(ctx, account.Accounts, b.store, b.codec, aggregate.Config{})
			if err != nil {
				return nil, err
			}
			before := event.WithCause(ctx, event.Cause{CommandID: "before"})
			_, err = accounts.Update(before, id, func(account.Account) ([]aggregate.Event[account.Account], error) {
				return events, nil
			})
			return b, err
		}
	}
}

// An account goes on over HTTP, too, if its currency was withdrawn or got other digits.
func TestAccountOutlivesItsCurrency(t *testing.T) {
	t.Parallel()
	c := start(t, withAccount(t, "zagreb", account.AccountCreated{
		OwnerID: "o", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "HRK", Exponent: 3,
		MaxBalance: new(int64(20_000)),
	}))
	post := func(side, transaction, amount, currency string) reply {
		return c.do(http.MethodPost, "/v1/accounts/zagreb/"+side, `{"transactionId":"`+transaction+
			`","entryType":"TOPUP","amount":"`+amount+`","currency":"`+currency+`","contra":"bank"}`)
	}
	require.Equal(t, http.StatusCreated, post("credits", "t-1", "10.125", "HRK").status)
	debited := post("debits", "t-2", "0.005", "HRK")
	require.Equal(t, http.StatusCreated, debited.status, debited.text)
	var body postingBody
	debited.as(t, &body)
	require.Equal(t, "0.005", body.Amount)
	require.Equal(t, "10.120", body.BalanceAfter)
	require.EqualValues(t, "HRK", body.Currency)

	for _, refused := range []struct{ amount, currency, code string }{
		{"0.0001", "HRK", "AmountPrecisionExceeded"},
		{"9007199254741", "HRK", "AmountOverflow"},
		{"11", "HRK", "MaxBalanceExceeded"},
		{"1", "EUR", "CurrencyMismatch"},
		{"1", "XYZ", "CurrencyMismatch"},
		{"1", "", "CurrencyMismatch"},
	} {
		r := post("credits", "t-3", refused.amount, refused.currency)
		require.Equal(t, refused.code, r.code(t), r.text)
	}
	require.JSONEq(t, `{"accountId":"zagreb","version":3,"currency":"HRK",`+
		`"posted":"10.120","held":"0.000","available":"10.120"}`,
		c.do(http.MethodGet, "/v1/accounts/zagreb/balance", "").text)
	var page eventsBody
	c.do(http.MethodGet, "/v1/accounts/zagreb/events?after=2", "").as(t, &page)
	data := page.Events[0].Data
	require.Equal(t, []any{"0.005", "HRK", 3.0}, []any{data["amount"], data["currency"], data["exponent"]})
}

// reads counts how often a stream is read.
type reads struct {
	eventstore.Store
	streams atomic.Int32
}

func (r *reads) ReadStream(
	ctx context.Context, stream eventstore.Stream, from int64,
) iter.Seq2[eventstore.Record, error] {
	r.streams.Add(1)
	return r.Store.ReadStream(ctx, stream, from)
}

func (r *reads) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	r.streams.Add(1)
	return r.Store.ReadQueued(ctx, after, with...)
}

// The service tells what a posting did from the posting's own event. Only if that is of the first
// revision, it also reads the account's first event.
func TestPostingReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	store := &reads{}
	c := start(t, over(func(s eventstore.Store) eventstore.Store { store.Store = s; return store }))
	c.open("a")
	read := func(status int, method, path, key, body string) int32 {
		before := store.streams.Load()
		r := c.do(method, accountsPath+path, body, keyHeader, key)
		require.Equal(t, status, r.status, r.text)
		return store.streams.Load() - before
	}
	credit := func() int32 {
		return read(http.StatusCreated, http.MethodPost, "/a/credits", "t", postBody("t", "1.00"))
	}
	require.EqualValues(t, 1, credit(), "to decide")
	require.EqualValues(t, 2, credit(), "to decide, and for the earlier event")
	for path, status := range map[string]int{
		"/a/postings/t": http.StatusOK, "/a/postings/other": http.StatusNotFound, "/b/postings/t": http.StatusNotFound,
	} {
		require.EqualValues(t, 1, read(status, http.MethodGet, path, "", ""), path)
	}
}

// The events of the first revision have no currency. Their postings are shown in that of the
// account.
func TestPostingsOfTheFirstRevision(t *testing.T) {
	t.Parallel()
	opened := account.AccountCreated{
		OwnerID: "o", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "KWD", Exponent: 3,
	}
	credited := account.AccountCredited{
		TransactionID: "before", EntryType: account.EntryTopUp, Exponent: -1, Amount: 1_234, Contra: "bank",
		BalanceAfter: 1_234, EffectiveAt: time.Unix(1, 0).UTC(),
	}
	c := start(t, withAccount(t, "a", opened, credited))
	r := c.do(http.MethodGet, accountsPath+"/a/postings/before", "")
	require.Equal(t, http.StatusOK, r.status, r.text)
	var p postingBody
	r.as(t, &p)
	require.Equal(t, "1.234", p.Amount)
	require.Equal(t, "1.234", p.BalanceAfter)
	require.EqualValues(t, "KWD", p.Currency)
}
