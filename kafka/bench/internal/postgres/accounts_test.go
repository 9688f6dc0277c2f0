//go:build bench

package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// The function does what the library's account does. It refuses, or answers a repeated command with
// its first result, or posts.
func TestAccountsPost(t *testing.T) {
	a := accounts(t, postgres.Active)
	with := func(change func(*postgres.Posting)) *postgres.Posting {
		p := credit()
		change(p)
		return p
	}
	for _, step := range []struct {
		what    string
		posting *postgres.Posting
		want    postgres.Posted
		refused error
	}{
		{what: "credit", posting: credit(), want: postgres.Posted{Version: 2, Balance: 70}},
		{
			what: "other account, same command", posting: with(func(p *postgres.Posting) { p.Account = "account-1" }),
			want: postgres.Posted{Version: 2, Balance: 70},
		},
		{
			what: "debit", posting: with(func(p *postgres.Posting) { p.Command, p.Amount = "command-2", -70 }),
			want: postgres.Posted{Version: 3, Balance: 0},
		},
		{what: "credit again", posting: credit(), want: postgres.Posted{Version: 2, Balance: 70, Repeated: true}},
		{
			what:    "its command, other content",
			posting: with(func(p *postgres.Posting) { p.Digest = "digest-2" }), refused: postgres.ErrReused,
		},
		{
			what:    "unknown account",
			posting: with(func(p *postgres.Posting) { p.Account = "account-2" }), refused: postgres.ErrUnknown,
		},
		{
			what:    "other currency",
			posting: with(func(p *postgres.Posting) { p.Command, p.Currency = "command-3", "USD" }),
			refused: postgres.ErrMismatch,
		},
		{
			what:    "other digits",
			posting: with(func(p *postgres.Posting) { p.Command, p.Exponent = "command-3", 3 }),
			refused: postgres.ErrMismatch,
		},
		{
			what:    "too much",
			posting: with(func(p *postgres.Posting) { p.Command, p.Amount = "command-3", 101 }),
			refused: postgres.ErrTooMuch,
		},
		{
			what:    "insufficient funds",
			posting: with(func(p *postgres.Posting) { p.Command, p.Amount = "command-3", -1 }),
			refused: postgres.ErrInsufficient,
		},
		{
			what:    "as much as it takes",
			posting: with(func(p *postgres.Posting) { p.Command, p.Amount = "command-3", 100 }),
			want:    postgres.Posted{Version: 4, Balance: 100},
		},
		{
			what: "repeated although it is full", posting: credit(),
			want: postgres.Posted{Version: 2, Balance: 70, Repeated: true},
		},
	} {
		found, err := a.Post(t.Context(), step.posting)
		require.ErrorIs(t, err, step.refused, step.what)
		require.Equal(t, step.want, found, step.what)
	}
	entries, sum, err := a.Audit(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4, entries)
	require.EqualValues(t, 170, sum)
}

func TestAccountsPost_inactive(t *testing.T) {
	a := accounts(t, "SUSPENDED")
	_, err := a.Post(t.Context(), credit())
	require.ErrorIs(t, err, postgres.ErrInactive)
}

func credit() *postgres.Posting {
	return &postgres.Posting{
		Account: "account-0", Command: "command-1", Digest: "digest-1", Currency: "EUR", Exponent: 2, Amount: 70,
		Event: "event-1", Type: "AccountCredited", Revision: 3, Occurred: clock.Now(), Payload: []byte("payload"),
	}
}

// accounts returns two accounts in a new server, which hold 100 at most.
func accounts(t *testing.T, status string) *postgres.Accounts {
	t.Helper()
	a, err := postgres.NewAccounts(t.Context(), start(t), "test", 1, 2,
		func(i int) string { return fmt.Sprintf("account-%d", i) },
		postgres.Terms{Status: status, Currency: "EUR", Exponent: 2, MaxBalance: 100})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close(context.WithoutCancel(t.Context()))) })
	return a
}

// start starts a server.
func start(t *testing.T) *postgres.Server {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // the database's user passes through them
		require.NoError(t, os.Chmod(d, 0o755))
	}
	s, err := postgres.Start(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}
