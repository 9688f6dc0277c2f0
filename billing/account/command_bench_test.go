package account_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// instant is a store that answers at once, and stores nothing. It takes each stream to stand where
// its caller says.
type instant struct {
	eventstore.Store

	offset atomic.Int64
}

func (*instant) Applied(context.Context, eventstore.Stream, string, ...eventstore.Expectation) (bool, error) {
	return false, nil
}

func noRecords(func(eventstore.Record, error) bool) {}

func (*instant) ReadQueued(
	_ context.Context, after eventstore.Expectation, _ ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	return noRecords, after
}

func (s *instant) Append(_ context.Context, c eventstore.Commit) (eventstore.Result, error) {
	at := c.Expect[0]
	version := int64(at.Version)
	return eventstore.Result{
		Streams: []eventstore.Written{
			{Stream: at.Stream, First: version + 1, Last: version + int64(len(c.Records))},
		},
		Position: event.Position{Offset: s.offset.Add(1)},
		Time:     c.Records[0].Timestamp,
	}, nil
}

func (*instant) KeepSnapshot(context.Context, eventstore.Stream, string, eventstore.Snapshot) error {
	return nil
}

// instantly returns a command bus over a store that answers at once, and opens accounts there.
func instantly(b *testing.B, accounts int) (*command.Bus, []account.CreditAccount) {
	b.Helper()
	codec, err := registry.NewCodec(registry.NewMemory(), billing.Schemas(), schema.Config{})
	require.NoError(b, err)
	bus := command.NewBus(command.Config{})
	_, err = account.Register(b.Context(), account.Config{
		Store: &instant{}, Codec: codec, Commands: bus, Queries: query.NewBus(query.Config{}),
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	credits := make([]account.CreditAccount, accounts)
	for i := range credits {
		id := fmt.Sprintf("account-%03d", i)
		require.NoError(b, errOf(bus.Dispatch(b.Context(), account.CreateAccount{
			AccountID: id, OwnerID: "user-1", OwnerType: account.OwnerUser, AccountType: account.TypeUser,
			Currency: "USD",
		})))
		credits[i] = account.CreditAccount{
			AccountID: id, TransactionID: fmt.Sprintf("transaction-%03d", i), EntryType: account.EntryTopUp,
			Amount: "1.25", Currency: "USD", Contra: "world",
		}
	}
	return bus, credits
}

// BenchmarkCommand measures all that is done for a command beside the store: the command bus, the
// account and its repository, with its state in memory.
func BenchmarkCommand(b *testing.B) {
	const accounts = 64
	b.Run("one caller", func(b *testing.B) {
		bus, credits := instantly(b, accounts)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := bus.Dispatch(b.Context(), credits[i%accounts]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		bus, credits := instantly(b, accounts)
		var callers atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			credit := credits[callers.Add(1)%accounts]
			for p.Next() {
				if _, err := bus.Dispatch(b.Context(), credit); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
