package measure

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/schema/registry"
)

// mint makes the records that commands to accounts would make, without any command. It also decodes
// them.
type mint struct {
	codec aggregate.Codec
	types map[string]event.Type // by name
}

func newMint(ctx context.Context, schemas registry.Registry) (*mint, error) {
	codec, err := accountCodec(schemas)
	if err != nil {
		return nil, err
	}
	m := &mint{codec: codec, types: make(map[string]event.Type)}
	for _, t := range account.Accounts.Events() {
		m.types[t.Name] = t
	}
	return m, codec.Bind(ctx, account.Accounts.Stored())
}

// created returns the first event of an account.
func (m *mint) created(ctx context.Context, src *source) (eventstore.Record, error) {
	highest := int64(accountMaxBalance)
	return m.record(ctx, src, src.posting(0), account.AccountCreated{
		OwnerID: src.id(), OwnerType: account.OwnerUser, AccountType: account.TypeUser,
		Currency: accountCurrency, Exponent: accountExponent, MaxBalance: &highest,
	})
}

// credited returns the event of a credit, with the balance after it.
func (m *mint) credited(ctx context.Context, src *source, p posting, after int64) (eventstore.Record, error) {
	return m.record(ctx, src, p, account.AccountCredited{
		TransactionID: p.transaction, EntryType: account.EntryTopUp, Currency: accountCurrency,
		Exponent: accountExponent, Amount: p.amount, Contra: contraAccount, BalanceAfter: after,
		EffectiveAt: src.now.Truncate(time.Microsecond),
	})
}

func (m *mint) record(
	ctx context.Context, src *source, p posting, e aggregate.Event[account.Account],
) (eventstore.Record, error) {
	value, revision, err := m.codec.Encode(ctx, m.types[e.EventType()], e)
	return eventstore.Record{Value: value, Header: event.Header{
		ID: src.id(), Type: e.EventType(), Revision: revision, Timestamp: src.now,
		CorrelationID: p.correlation, CausationID: p.transaction, CommandID: p.transaction,
		CommandDigest: src.digest(), ActorID: actorOfCommands,
	}}, err
}

// likes returns records of credits to any of n accounts, as a store places them. Nobody has decided
// on them: their balances and versions are made up.
func (m *mint) likes(ctx context.Context, src *source, n int) ([]eventstore.Record, error) {
	all := make([]eventstore.Record, templates)
	for i := range all {
		p := src.posting(src.dice.IntN(n))
		r, err := m.credited(ctx, src, p, src.dice.Int64N(100*mostPosted))
		if err != nil {
			return nil, err
		}
		r.Category, r.AggregateID, r.AggregateVersion = category, accountID(p.account), 2+src.dice.Int64N(998)
		r.Commit = eventstore.CommitPart{Index: 1, Size: 1}
		all[i] = r
	}
	return all, nil
}

// inTurn returns a function that returns commits of one of the records each, in turn.
func inTurn(records []eventstore.Record) func() []eventstore.Record {
	next := 0
	return func() []eventstore.Record {
		next = (next + 1) % len(records)
		return records[next : next+1]
	}
}
