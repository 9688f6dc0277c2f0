package kafka

import (
	"context"
	"math"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/owner"
)

// Append implements [eventstore.Store]. A commit is part of one record batch, together with others
// that waited at the same time. If ctx ends before the commit is on its way, nothing was appended
// and the error says so. If ctx ends later, the error is [eventstore.ErrOutcomeUnknown].
//
// A check waits for the next batch of the partition. If there is none, the check takes some
// milliseconds: see DESIGN.md.
//
// Besides the errors of the interface, Append fails with
//   - *[NotOwnerError] if this process does not own the partition; it matches
//     [eventstore.ErrNotOwner], and names the owner if that is known;
//   - *[RefusedError] if brokers will never take the commit;
//   - *[IndexError] if the disk of the index has failed.
func (s *Store) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if s.cfg.Hooks.Appended == nil || len(c.Records) == 0 {
		r, err := s.append(ctx, c)
		return r, s.explained(err)
	}
	start := clock.Reading()
	r, err := s.append(ctx, c)
	err = s.explained(err)
	s.cfg.Hooks.Appended(ctx, eventstore.Appended{
		Commit: c, Result: r, Err: err, Start: start, Duration: time.Since(start),
	})
	return r, err
}

func (s *Store) append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if err := eventstore.Check(c); err != nil {
		return eventstore.Result{}, err
	}
	stream := c.Stream()
	at := c.Expected(stream)
	t, err := s.tipOf(at)
	if err != nil {
		return eventstore.Result{}, err
	}
	p, err := s.partitionOf(ctx, stream)
	switch {
	case err != nil:
		return eventstore.Result{}, err
	case len(c.Records) == 0:
		return check(ctx, p, t, c)
	case t != nil:
		return t.Append(ctx, c.Stamped())
	}
	return p.Append(ctx, stream, at.Version, c.Stamped())
}

// check answers a commit without records.
func check(ctx context.Context, p storedPartition, t *owner.Tip, c eventstore.Commit) (eventstore.Result, error) {
	if t == nil {
		var err error
		if _, t, err = p.ReadQueued(ctx, c.Stream(), math.MaxInt64); err != nil {
			return eventstore.Result{}, err
		}
	}
	return t.Check(ctx, c)
}
