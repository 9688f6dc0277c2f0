package measure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/schema/registry"
)

// branch is a topic of accounts, and the index that its store left. Their numbers begin with 0.
type branch struct {
	cfg     kafka.Config
	topic   string
	schemas registry.Registry
	audit   *audit
	filled  int64        // events that credit an account, before any command
	posted  atomic.Int64 // sum of the amounts of those, and of all acknowledged commands
}

// branch returns the branch of that name. It opens n accounts. The account of a number has so many
// events.
func (r *run) branch(ctx context.Context, name string, n int, events func(number int) int) (b *branch, err error) {
	if b := r.branches[name]; b != nil {
		return b, nil
	}
	m, err := newMint(ctx, r.schemas)
	if err != nil {
		return nil, err
	}
	prefix := "bench-" + name
	b = &branch{schemas: r.schemas}
	if b.cfg, err = r.link.config(ctx, prefix, partitions, r.folder(name)); err != nil {
		return nil, err
	}
	if b.topic, err = r.link.topic(ctx, prefix, partitions); err != nil {
		return nil, err
	}
	b.audit = &audit{
		link: r.link, topic: b.topic, mint: m, next: make(map[int32]int64), accounts: make([]standing, n),
	}
	if err := r.fillBranch(ctx, b, name, events); err != nil {
		return nil, err
	}
	if err := b.audit.readOn(ctx); err != nil {
		return nil, err
	}
	b.filled = b.audit.credits
	for number, at := range b.audit.accounts {
		if want := int64(events(number)); at.version != want {
			return nil, fmt.Errorf("%s has %d events, expected %d", accountStream(number), at.version, want)
		}
	}
	r.branches[name] = b
	return b, nil
}

// fillBranch creates the accounts, and appends what they have besides.
func (r *run) fillBranch(ctx context.Context, b *branch, name string, events func(number int) int) (err error) {
	s, err := openStore(ctx, b.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	n := len(b.audit.accounts)
	var next, all atomic.Int64
	passed := stopwatch()
	group, gctx := errgroup.WithContext(ctx)
	for _, src := range r.newSources(fillers) {
		group.Go(func() error {
			for {
				number := int(next.Add(1)) - 1
				if number >= n {
					return nil
				}
				if err := b.fillAccount(gctx, s, src, number, events(number)); err != nil {
					return err
				}
				all.Add(int64(events(number)))
				if step := max(n/10, 1); (number+1)%step == 0 {
					r.say("fill %s: %s of %s accounts", name, thousands(int64(number+1)), thousands(int64(n)))
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.say("fill %s: done, %s events, %.0f events/s", name, thousands(all.Load()),
		float64(all.Load())/passed().Seconds())
	return nil
}

// fillAccount creates an account. Then it appends credits in commits that are as large as they may
// be, until the account has so many events. The events of such a commit have one command.
func (b *branch) fillAccount(ctx context.Context, s *kafka.Store, src *source, number, events int) error {
	created, err := b.audit.mint.created(ctx, src)
	if err != nil {
		return err
	}
	if _, err := s.Append(ctx, eventstore.To(accountStream(number), eventstore.NoStream, created)); err != nil {
		return err
	}
	for version, after := 1, int64(0); version < events; {
		var records []eventstore.Record
		for size := 0; version+len(records) < events && len(records) < eventstore.MaxCommitRecords; {
			p := src.posting(number)
			r, err := b.audit.mint.credited(ctx, src, p, after+p.amount)
			if err != nil {
				return err
			}
			if len(records) > 0 {
				r.CausationID, r.CommandID, r.CommandDigest = records[0].CausationID, records[0].CommandID, ""
			}
			if size += eventstore.Size(r); size > eventstore.MaxCommitBytes {
				break
			}
			after += p.amount
			records = append(records, r)
		}
		_, err := s.Append(ctx, eventstore.To(accountStream(number), eventstore.Expected(version), records...))
		if err != nil {
			return err
		}
		version += len(records)
		if version == events {
			b.posted.Add(after)
		}
	}
	return nil
}

// teller takes commands for the accounts of a branch.
type teller struct {
	*service

	branch *branch
	store  *kafka.Store
}

// open opens a store of the configuration, which is one of the branch. It wires the accounts to it.
// The teller takes commands once its store has claimed the partitions.
func (b *branch) open(ctx context.Context, cfg kafka.Config) (*teller, error) {
	s, err := kafka.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	t := &teller{branch: b, store: s}
	if t.service, err = newService(ctx, s, b.schemas); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return t, nil
}

// openOwner opens a teller that takes commands.
func (b *branch) openOwner(ctx context.Context, cfg kafka.Config) (*teller, error) {
	t, err := b.open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := t.store.Claim(ctx); err != nil {
		return nil, errors.Join(err, t.store.Close())
	}
	return t, nil
}

// creditAny credits any account from a number on.
func (t *teller) creditAny(ctx context.Context, src *source, from int) error {
	amount, err := t.credit(ctx, src, from+src.dice.IntN(len(t.branch.audit.accounts)-from))
	if err == nil {
		t.branch.posted.Add(amount)
	}
	return err
}

// creditTimed credits an account and returns how long that took.
func (t *teller) creditTimed(ctx context.Context, src *source, number int) (commandTimes, error) {
	amount, took, err := t.timedCredit(ctx, src, number)
	if err == nil {
		t.branch.posted.Add(amount)
	}
	return took, err
}

// stored reads on in the topic. It returns how many commands the topic has since the branch was
// filled. It fails if the amounts are not those that were acknowledged.
func (b *branch) stored(ctx context.Context) (int64, error) {
	if err := b.audit.readOn(ctx); err != nil {
		return 0, err
	}
	if sum := b.posted.Load(); b.audit.sum != sum {
		return 0, fmt.Errorf("%s: the balances sum to %d, and the acknowledged amounts to %d", b.topic, b.audit.sum,
			sum)
	}
	return b.audit.credits - b.filled, nil
}

// since returns a function that counts the commands that are stored after the call of since.
func (b *branch) since() func(context.Context) (int64, error) {
	before := b.audit.credits - b.filled
	return func(ctx context.Context) (int64, error) {
		n, err := b.stored(ctx)
		return n - before, err
	}
}
