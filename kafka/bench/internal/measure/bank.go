package measure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
	"github.com/fencelog/fencelog/kafka/topics"
)

// bank posts transfers through this store. It keeps no balance: each decision reads the last event
// of both accounts.
type bank struct {
	*accountBook

	link  *cluster
	store *kafka.Store
	topic string
	known []atomic.Int64 // by account, the last version that a decision has seen

	conflicts atomic.Int64
}

// newBank opens a store and all the accounts.
func (r *run) newBank(ctx context.Context, name string, parts int32, a *accountBook) (*bank, error) {
	cfg, err := r.link.keyed(ctx, name, topics.Category{
		Name: category, Partitions: parts, PartitionKey: eventstore.BeforeSlash,
	}, r.folder(name))
	if err != nil {
		return nil, err
	}
	b := &bank{accountBook: a, link: r.link, known: make([]atomic.Int64, len(a.ids))}
	if b.topic, err = r.link.topic(ctx, name, parts); err != nil {
		return nil, err
	}
	if b.store, err = openStore(ctx, cfg); err != nil {
		return nil, err
	}
	var next atomic.Int64
	group, gctx := errgroup.WithContext(ctx)
	for _, src := range r.newSources(fillers) {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < len(a.ids); i = int(next.Add(1)) - 1 {
				b.known[i].Store(1)
				_, err := b.store.Append(gctx, eventstore.To(a.stream(i), eventstore.NoStream, src.opening()))
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, b.store.Close())
	}
	return b, nil
}

// post posts a new transfer.
func (b *bank) post(ctx context.Context, src *source, _ delivery) error {
	t := b.draw(src)
	err := b.decide(ctx, src, t)
	for errors.Is(err, eventstore.ErrConflict) {
		b.conflicts.Add(1)
		err = b.decide(ctx, src, t)
	}
	return err
}

// decide reads both accounts, with what is queued for them, and posts the transfer. It fails if the
// payer has too little.
func (b *bank) decide(ctx context.Context, src *source, t transfer) error {
	payer, payerAt, err := b.balance(ctx, t.payer)
	if err != nil {
		return err
	}
	payee, payeeAt, err := b.balance(ctx, t.payee, payerAt)
	if err != nil {
		return err
	}
	if payer < t.amount {
		return fmt.Errorf("%s holds %d, expected %d or more", b.stream(t.payer), payer, t.amount)
	}
	debited, credited := src.transfer(t, payer, payee)
	result, err := b.store.Append(ctx, eventstore.Join(payerAt.Commit(debited), payeeAt.Commit(credited)))
	if err == nil && (result.Repeated || len(result.Streams) != eventsOfTransfer) {
		err = fmt.Errorf("a new transfer wrote %v, repeated: %t", result.Streams, result.Repeated)
	}
	return err
}

// balance reads the balance of an account from its last event. It reads on from the version that a
// decision has seen. A queued commit may not be stored after all. Then the stream is shorter than
// it was, and balance reads again from where it ends.
func (b *bank) balance(
	ctx context.Context, account int, with ...eventstore.Expectation,
) (after int64, at eventstore.Expectation, err error) {
	stream, from := b.stream(account), b.known[account].Load()
	for {
		records, at := b.store.ReadQueued(ctx, stream.At(from-1), with...)
		last := eventstore.NoStream
		for r, err := range records {
			if err != nil {
				return 0, at, err
			}
			if _, after, err = entryOf(&r); err != nil {
				return 0, at, err
			}
			last = eventstore.Expected(r.AggregateVersion)
		}
		if last > eventstore.NoStream && last == at.Version {
			b.known[account].Store(int64(last))
			return after, at, nil
		}
		if from <= int64(at.Version) || at.Version < 1 {
			return 0, at, fmt.Errorf("%s ends at version %d, read from %d to %d", stream, at.Version, from, last)
		}
		from = int64(at.Version)
	}
}

// audit reads the topic and returns how many transfers it has. It fails unless
//   - the amounts of each account add up to the balance after each event, and none is negative;
//   - the balances sum to what was opened, at the end of each commit;
//   - the topic has no other records.
func (b *bank) audit(ctx context.Context) (transfers int64, err error) {
	balances := make(map[string]int64, len(b.ids))
	var opened, sum, events int64
	for r, err := range b.store.ReadCategory(ctx, category, eventstore.Beginning()) {
		if err != nil {
			return 0, err
		}
		amount, after, err := entryOf(&r)
		if err != nil {
			return 0, err
		}
		events++
		if sum += amount; r.Type == openedType {
			opened += amount
		}
		if balances[r.AggregateID] += amount; after != balances[r.AggregateID] || after < 0 {
			return 0, fmt.Errorf("version %d of %s has the balance %d, expected %d", r.AggregateVersion, r.Stream(),
				after, balances[r.AggregateID])
		}
		if r.Commit.Index == r.Commit.Size && sum != opened {
			return 0, fmt.Errorf("behind %s the balances sum to %d, expected %d", r.Position, sum, opened)
		}
	}
	stored, err := b.link.count(b.topic)
	if err == nil && (stored != events || opened != int64(len(b.ids))*openingBalance) {
		err = fmt.Errorf("the topic has %d records and %d events, and the accounts were opened with %d in all",
			stored, events, opened)
	}
	return (events - int64(len(b.ids))) / eventsOfTransfer, err
}

// byLedger posts a new transfer in the database.
func byLedger(l *postgres.Ledger, a *accountBook) appendOne {
	return func(ctx context.Context, src *source, _ delivery) error {
		posted, err := l.Post(ctx, a.row(src, a.draw(src)))
		if err == nil && !posted {
			err = errors.New("a new transfer was posted before")
		}
		return err
	}
}
