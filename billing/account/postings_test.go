package account_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
)

func TestCommandID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "t-1", credit("t-1", usd(1)).CommandID())
	require.Equal(t, "t-1", debit("t-1", usd(1)).CommandID())
	for _, wrong := range []string{"", ".", "a b", "\xff", string(make([]byte, 300))} {
		require.Empty(t, credit(wrong, usd(1)).CommandID(), "%q", wrong)
	}
}

// A posting that is sent again has the outcome of the first time, also if it would be refused now.
func TestPosting_repeated(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.opened(t, "a", atMost(100))
	first, err := f.commands.Dispatch(t.Context(), credit("t-1", usd(100)))
	require.NoError(t, err)
	require.False(t, first.Repeated)
	require.Equal(t, "t-1", first.CommandID)
	require.ErrorIs(t, errOf(f.commands.Dispatch(t.Context(), credit("t-2", usd(1)))), account.ErrMaxBalanceExceeded)

	for _, options := range [][]command.Option{nil, {command.WithID("t-1")}, {command.WithActor("user-2")}} {
		again, err := f.commands.Dispatch(t.Context(), credit("t-1", usd(100)), options...)
		require.NoError(t, err)
		require.True(t, again.Repeated)
		require.Equal(t, first.Events, again.Events)
	}
	require.Equal(t, []string{"AccountCreated", "AccountCredited"}, eventTypes(t, f, "a"))
}

// With other content, an id is refused. Nothing is decided.
func TestPosting_transactionReused(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), credit("t-1", usd(1000)))))
	changed := func(change func(*account.CreditAccount)) account.CreditAccount {
		return credit("t-1", usd(1000), change)
	}
	for name, c := range map[string]any{
		"other amount":              credit("t-1", usd(1001)),
		"no amount":                 credit("t-1", ""),
		"more than there is":        debit("t-1", usd(5000)),
		"other direction":           debit("t-1", usd(1000)),
		"other contra":              changed(func(c *account.CreditAccount) { c.Contra = "bob" }),
		"other type":                changed(func(c *account.CreditAccount) { c.EntryType = account.EntryRefund }),
		"other currency":            changed(in("EUR")),
		"other time":                changed(func(c *account.CreditAccount) { c.EffectiveAt = noon().Add(1) }),
		"default instead of a time": changed(func(c *account.CreditAccount) { c.EffectiveAt = time.Time{} }),
	} {
		_, err := f.commands.Dispatch(t.Context(), c)
		var reused *eventstore.CommandReusedError
		require.ErrorAs(t, err, &reused, name)
		require.Equal(t, "t-1", reused.CommandID)
		code, ok := refusal.Of(err)
		require.True(t, ok)
		require.Equal(t, refusal.CommandReused, code)
	}
	for code, c := range map[refusal.Code]any{ // what comes before
		ids.ErrInvalid:            changed(func(c *account.CreditAccount) { c.Contra = "a/" }),
		account.ErrDuplicateEntry: changed(func(c *account.CreditAccount) { c.Contra = "a" }),
	} {
		require.ErrorIs(t, errOf(f.commands.Dispatch(t.Context(), c)), code)
	}
	require.Equal(t, []string{"AccountCreated", "AccountCredited"}, eventTypes(t, f, "a"))
}

// The id of a posting's command is its transaction's, and no other.
func TestPosting_otherCommandID(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	for _, c := range []any{credit("t-1", usd(10)), debit("t-1", usd(10))} {
		_, err := f.commands.Dispatch(t.Context(), c, command.WithID("c-1"))
		require.ErrorIs(t, err, eventstore.ErrInvalid)
		require.ErrorContains(t, err, `found "c-1", expected "t-1"`)
	}
	require.Equal(t, []string{"AccountCreated"}, eventTypes(t, f, "a"))
}

// A refusal stores nothing, so the transaction's id stays free.
func TestPosting_refusedTransactionIsFree(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	require.ErrorIs(t, errOf(f.commands.Dispatch(t.Context(), debit("t-1", usd(10)))), account.ErrInsufficientFunds)
	done, err := f.commands.Dispatch(t.Context(), credit("t-1", usd(10)))
	require.NoError(t, err)
	require.False(t, done.Repeated)
}

// A transaction counts once within a partition key: an account's, or a ledger's.
func TestPosting_severalAccounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		keys []eventstore.PartitionKey
		want []bool // of acme/a, acme/b, other/a: whether they take the transaction
	}{
		{"a key for each account", nil, []bool{true, true, true}},
		{"a key for each ledger", []eventstore.PartitionKey{eventstore.BeforeSlash}, []bool{true, false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := inMemory(t, c.keys...)
			for i, id := range []string{"acme/a", "acme/b", "other/a"} {
				f.create(t, id)
				err := errOf(f.commands.Dispatch(t.Context(), credit("t-1", usd(10), on(id))))
				if c.want[i] {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, eventstore.ErrCommandReused)
				}
			}
		})
	}
}

// Commands are drawn, many of them with ids that came before. Each transaction has one effect on an
// account, and each answer follows from what was accepted before.
func TestPosting_atMostOnce(t *testing.T) {
	t.Parallel()
	accounts := []string{"a", "b"}
	rapid.Check(t, func(r *rapid.T) {
		f := inMemory(t)
		for _, id := range accounts {
			f.create(t, id)
		}
		accepted, posted := make(map[[2]string]any), make(map[string]int64)
		for range rapid.IntRange(1, 25).Draw(r, "commands") {
			at := rapid.SampledFrom(accounts).Draw(r, "account")
			id := fmt.Sprint("t-", rapid.IntRange(1, 4).Draw(r, "transaction"))
			cents := rapid.Int64Range(1, 2).Draw(r, "amount")
			var c any = credit(id, usd(cents), on(at))
			if rapid.Bool().Draw(r, "debit") {
				c, cents = account.DebitAccount(credit(id, usd(cents), on(at))), -cents
			}
			done, err := f.commands.Dispatch(t.Context(), c)
			before, found := accepted[[2]string{at, id}]
			switch {
			case found && before != c:
				require.ErrorIs(r, err, eventstore.ErrCommandReused)
			case found:
				require.NoError(r, err)
				require.True(r, done.Repeated)
			case posted[at]+cents < 0:
				require.ErrorIs(r, err, account.ErrInsufficientFunds)
			default:
				require.NoError(r, err)
				require.False(r, done.Repeated)
				accepted[[2]string{at, id}] = c
				posted[at] += cents
			}
		}
		for _, id := range accounts {
			root, err := f.Repository.Load(t.Context(), id)
			require.NoError(r, err)
			require.Equal(r, posted[id], root.State().Posted)
			effects := make(map[string]int)
			for e, err := range f.Repository.History(t.Context(), id, 2) {
				require.NoError(r, err)
				effects[e.CommandID]++
				require.Equal(r, 1, effects[e.CommandID], "one effect per transaction")
			}
		}
	})
}
