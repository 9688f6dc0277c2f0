package account_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestCommandsReachTheStoreAndComeBack(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	ctx := t.Context()
	f.create(t, "a")
	require.NoError(t, errOf(f.commands.Dispatch(ctx, credit("t-1", usd(1000)), command.WithActor("user-1"))))
	require.NoError(t, errOf(f.commands.Dispatch(ctx, debit("t-2", usd(250)))))
	require.ErrorIs(t, errOf(f.commands.Dispatch(ctx, debit("t-3", usd(751)))), account.ErrInsufficientFunds)

	balance, err := query.Ask(ctx, f.queries, account.GetBalance{AccountID: "a"})
	require.NoError(t, err)
	require.Equal(t, account.Balance{
		AccountID: "a", Version: 3, Currency: "USD", Exponent: 2, Posted: 750, Available: new(int64(750)),
	}, balance)
	require.Equal(t, "posted 7.50, held 0.00, available 7.50 USD", balance.String())
	details, err := query.Ask(ctx, f.queries, account.GetAccount{AccountID: "a"})
	require.NoError(t, err)
	require.Equal(t, account.Details{
		AccountID: "a", Version: 3, Status: account.StatusActive, OwnerID: "user-1", OwnerType: account.OwnerUser,
		Type: account.TypeUser, Currency: "USD", Exponent: 2, MinBalance: new(int64(0)), CreatedAt: fixed(),
	}, details)

	var stored []event.Envelope[any]
	for e, err := range f.Repository.History(ctx, "a", 1) {
		require.NoError(t, err)
		stored = append(stored, event.Envelope[any]{Header: e.Header, Event: e.Events[0]})
	}
	require.Len(t, stored, 3)
	require.Equal(t, created(), stored[0].Event)
	require.Equal(t, credited("t-1", 1000, 1000), stored[1].Event)
	require.Equal(t, debited("t-2", 250, 750), stored[2].Event)
	require.Equal(t, "user-1", stored[1].ActorID)
}

func TestEffectiveTimeDefaultsToWhenTheCommandWasDispatched(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	timeless := func(c *account.CreditAccount) { c.EffectiveAt = time.Time{} }
	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), credit("t-1", usd(10), timeless))))
	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), debit("t-2", usd(10), timeless))))
	root, err := f.Repository.Load(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, int64(3), root.Version())
	for e, err := range f.Repository.History(t.Context(), "a", 2) {
		require.NoError(t, err)
		switch e := e.Events[0].(type) {
		case account.AccountCredited:
			require.Equal(t, fixed(), e.EffectiveAt)
		case account.AccountDebited:
			require.Equal(t, fixed(), e.EffectiveAt)
		default:
			t.Fatalf("found a %T", e)
		}
	}
}

func TestNewAccountsAreLogged(t *testing.T) {
	t.Parallel()
	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	var log bytes.Buffer
	logger := slog.New(
		slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
	f := wire(t, store, registry.NewMemory(), logger)
	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), account.CreateAccount{
		AccountID: "a", OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "USD",
	}, command.WithCorrelationID("request-7"))))
	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), credit("t-1", usd(10)))))
	require.Equal(t, `level=INFO msg="account created" accountId=a ownerId=user-1 ownerType=USER accountType=USER `+
		"currency=USD correlationId=request-7\n", log.String())
}

func TestQueriesForWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	for _, id := range []string{"nobody", "", strings.Repeat("x", 300)} {
		_, err := query.Ask(t.Context(), f.queries, account.GetBalance{AccountID: id})
		var missing *account.NotFoundError
		require.ErrorAs(t, err, &missing)
		require.Equal(t, id, missing.AccountID)
		_, err = query.Ask(t.Context(), f.queries, account.GetAccount{AccountID: id})
		require.ErrorIs(t, err, account.ErrAccountNotFound)
	}
}

// Every command refuses an id that breaks the rules with the same code, in every field. It does so
// also where the store has another rule.
func TestCommandsWithInvalidIDs(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	for _, id := range []string{
		"", strings.Repeat("x", 129), strings.Repeat("x", 300), "\xff", "a\x00", "a\nb", "/", ".", "..", "a//b",
		"a/b/c", "transit:a", "x/transit:a",
	} {
		c := credit("t-1", usd(10))
		create := account.CreateAccount{
			AccountID: "new", OwnerID: "o", OwnerType: account.OwnerUser, AccountType: account.TypeUser,
			Currency: "USD",
		}
		for field, commands := range map[string][]any{
			"accountId": {
				with(c, func(c *account.CreditAccount) { c.AccountID = id }),
				with(create, func(c *account.CreateAccount) { c.AccountID = id }),
			},
			"transactionId": {with(c, func(c *account.CreditAccount) { c.TransactionID = id })},
			"contra":        {with(c, func(c *account.CreditAccount) { c.Contra = id })},
			"ownerId":       {with(create, func(c *account.CreateAccount) { c.OwnerID = id })},
		} {
			if credit, ok := commands[0].(account.CreditAccount); ok {
				commands = append(commands, account.DebitAccount(credit))
			}
			for _, c := range commands {
				_, err := f.commands.Dispatch(t.Context(), c)
				var wrong *ids.Error
				require.ErrorAs(t, err, &wrong, "%T %s %q", c, field, id)
				require.ErrorIs(t, err, ids.ErrInvalid)
				require.Equal(t, field, wrong.Field)
			}
		}
	}
}

func with[C any](c C, change func(*C)) C {
	change(&c)
	return c
}

// The repository has the cache, the snapshots and the hooks of the configuration.
func TestRepositoryIsAsConfigured(t *testing.T) {
	t.Parallel()
	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	codec, err := registry.NewCodec(registry.NewMemory(), billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	require.NoError(t, err)
	var loads []aggregate.Source
	commands := command.NewBus(command.Config{})
	s, err := account.Register(t.Context(), account.Config{
		Store: store, Codec: codec, Commands: commands, Queries: query.NewBus(query.Config{}),
		Cache: aggregate.Cache{Off: true}, Snapshots: aggregate.Snapshots{Every: 1},
		Hooks: aggregate.Hooks{
			Loaded: func(_ context.Context, l aggregate.Loaded) { loads = append(loads, l.From) },
		},
	})
	require.NoError(t, err)
	f := fixture{Service: s, commands: commands}
	f.create(t, "a")
	for _, id := range []string{"t-1", "t-2"} {
		require.NoError(t, errOf(f.commands.Dispatch(t.Context(), credit(id, usd(10)))))
	}
	require.Equal(t, []aggregate.Source{aggregate.FromStart, aggregate.FromStart, aggregate.FromSnapshot}, loads)
	require.Zero(t, s.Repository.Cached())
}

func TestRegisterReportsEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := account.Register(t.Context(), account.Config{})
	for _, part := range []string{"no command bus", "no query bus", "store is nil", "codec is nil"} {
		require.ErrorContains(t, err, part)
	}

	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	codec, err := registry.NewCodec(registry.NewMemory(), schema.Sources{"Account": account.Schemas},
		schema.Config{Prefix: billing.TopicPrefix})
	require.NoError(t, err)
	types, err := event.NewTypes()
	require.NoError(t, err)
	taken := command.NewBus(command.Config{})
	require.NoError(t, command.Register(taken, func(context.Context, account.DebitAccount) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, nil
	}))
	_, err = account.Register(t.Context(), account.Config{
		Store: store, Codec: codec, Commands: taken, Queries: query.NewBus(query.Config{}),
		Events: event.NewBus(types, event.BusConfig{}),
	})
	require.ErrorIs(t, err, command.ErrDuplicate)
	require.ErrorContains(t, err, "account.AccountCreated")
}
