package account_test

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// fixture is accounts wired to buses, with a clock that stands still and ids that count.
type fixture struct {
	*account.Service

	commands *command.Bus
	queries  *query.Bus
	events   *event.Bus
}

func fixed() time.Time { return time.Date(2026, 2, 1, 9, 30, 0, 123_456_000, time.UTC) }

func counter() func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprintf("id-%d", n.Add(1)) }
}

// inMemory wires accounts to a new store in memory. Each account has a partition key for itself,
// unless keys say otherwise.
func inMemory(t *testing.T, keys ...eventstore.PartitionKey) *fixture {
	t.Helper()
	cfg := memory.Config{Categories: []string{account.Accounts.Name()}}
	if len(keys) > 0 {
		cfg.PartitionKeys = map[string]eventstore.PartitionKey{account.Accounts.Name(): keys[0]}
	}
	store, err := memory.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return wire(t, store, registry.NewMemory(), slog.New(slog.DiscardHandler))
}

func wire(t *testing.T, store eventstore.Store, schemas registry.Registry, logger *slog.Logger) *fixture {
	t.Helper()
	codec, err := registry.NewCodec(schemas, billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	require.NoError(t, err)
	return wireCodec(t, store, codec, logger)
}

func wireCodec(t *testing.T, store eventstore.Store, codec aggregate.Codec, logger *slog.Logger) *fixture {
	t.Helper()
	types, err := event.NewTypes(billing.Events()...)
	require.NoError(t, err)
	f := &fixture{
		commands: command.NewBus(command.Config{Logger: logger, Now: fixed, NewID: counter()}),
		queries:  query.NewBus(query.Config{Logger: logger}),
		events:   event.NewBus(types, event.BusConfig{Logger: logger}),
	}
	f.Service, err = account.Register(t.Context(), account.Config{
		Store: store, Codec: codec, Commands: f.commands, Queries: f.queries, Events: f.events,
		Logger: logger, Now: fixed, NewID: counter(),
	})
	require.NoError(t, err)
	return f
}

// create opens a prepaid account in dollars.
func (f *fixture) create(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, errOf(f.commands.Dispatch(t.Context(), account.CreateAccount{
		AccountID: id, OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser, Currency: "USD",
	})))
}

// on changes the account that a movement is of.
func on(id string) func(*account.CreditAccount) {
	return func(c *account.CreditAccount) { c.AccountID = id }
}

// errOf returns the error of a command or an update.
func errOf(_ eventstore.Outcome, err error) error { return err }
