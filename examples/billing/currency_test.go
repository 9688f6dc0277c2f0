package main

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/schema"
)

// withAccount starts the service with an account that was opened before, whatever the table of currencies says today.
func withAccount(t *testing.T, id string, created account.AccountCreated) with {
	t.Helper()
	return func(s *server) {
		s.connect = func(ctx context.Context, set settings, tel *telemetry, logger *slog.Logger) (*backend, error) {
			b, err := connect(ctx, set, tel, logger)
			if err != nil {
				return nil, err
			}
			codec, err := schema.NewCodec(b.registry, billing.Schemas(), b.schemas)
			if err != nil {
				return nil, err
			}
			accounts, err := aggregate.NewRepository(ctx, account.Accounts, b.store, codec, aggregate.Config{})
			if err != nil {
				return nil, err
			}
			return b, accounts.Update(ctx, id, func(account.Account) ([]aggregate.Event[account.Account], error) {
				return []aggregate.Event[account.Account]{created}, nil
			})
		}
	}
}

// An account whose currency was withdrawn, or got other digits, goes on over HTTP as well.
func TestAccountOutlivesItsCurrency(t *testing.T) {
	t.Parallel()
	c := start(t, withAccount(t, "zagreb", account.AccountCreated{
		OwnerID: "o", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "HRK", Exponent: 3, MaxBalance: new(int64(20_000)),
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
	require.JSONEq(t, `{"accountId":"zagreb","version":3,"currency":"HRK","posted":"10.120","held":"0.000","available":"10.120"}`,
		c.do(http.MethodGet, "/v1/accounts/zagreb/balance", "").text)
	var page eventsBody
	c.do(http.MethodGet, "/v1/accounts/zagreb/events?after=2", "").as(t, &page)
	data := page.Events[0].Data
	require.Equal(t, []any{"0.005", "HRK", 3.0}, []any{data["amount"], data["currency"], data["exponent"]})
}
