package kafka

import (
	"context"
	"errors"
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
	start := clock.Reading()
	r, err := s.append(ctx, c)
	err = s.explained(err)
	s.tell(ctx, start, c, r, err)
	return r, err
}

// tell tells the hook what one commit did. There is nothing to tell of a check.
func (s *Store) tell(ctx context.Context, start time.Time, c eventstore.Commit, r eventstore.Result, err error) {
	if s.cfg.Hooks.Appended != nil && len(c.Records) > 0 {
		s.cfg.Hooks.Appended(ctx, eventstore.Appended{
			Commit: c, Result: r, Err: err, Start: start, Duration: time.Since(start),
		})
	}
}

func (s *Store) append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	stream := c.Stream()
	if err := s.check(c); err != nil {
		return eventstore.Result{}, err
	}
	var room [1]*owner.Tip
	tips, err := s.tipsOf(room[:0], c.Expect)
	if err != nil {
		return eventstore.Result{}, err
	}
	p, err := s.partitionOf(ctx, stream)
	if err != nil {
		return eventstore.Result{}, err
	}
	return p.Append(ctx, c, tips)
}

// check returns what is wrong with a commit.
func (s *Store) check(c eventstore.Commit) error {
	category := s.categories[c.Stream().Category]
	if category == nil { // it has no partition key
		if err := eventstore.CheckCategory(c.Stream().Category); err != nil {
			return eventstore.Check(c, eventstore.WholeID)
		}
		return unknown(c.Stream().Category)
	}
	if category.keysUnchecked { // by the proof: each stream is checked alone
		var wrong []error
		for _, stream := range c.Streams() {
			wrong = append(wrong, eventstore.CheckStream(stream, category.key))
		}
		return errors.Join(wrong...)
	}
	return eventstore.Check(c, category.key)
}

// Applied implements [eventstore.Store]. If this instance does not own the partition, Applied fails
// with a *[NotOwnerError].
func (s *Store) Applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	applied, err := s.applied(ctx, stream, commandID, with)
	return applied, s.explained(err)
}

func (s *Store) applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with []eventstore.Expectation,
) (bool, error) {
	if err := eventstore.CheckCommandID(commandID); err != nil {
		return false, err
	}
	p, err := s.decidable(ctx, stream)
	if err != nil {
		return false, err
	}
	tips, err := s.tipsWith(stream, with)
	if err != nil {
		return false, err
	}
	return p.Applied(ctx, stream.ID, commandID, tips)
}
