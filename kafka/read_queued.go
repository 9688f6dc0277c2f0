package kafka

import (
	"context"
	"iter"
	"math"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/owner"
)

// ReadQueued implements [eventstore.Store]. It does not yield a commit without a Tip, nor the
// commits that are queued behind it. Their versions are not known before they are written. If this
// instance does not own the partition, ReadQueued fails with a *[NotOwnerError].
func (s *Store) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	records, t, err := s.readQueued(ctx, after, with)
	if err != nil {
		err = s.explained(err)
		return failing(err), eventstore.Expectation{Stream: after.Stream, Version: unread, Tip: &tip{store: s, err: err}}
	}
	at := eventstore.Expected(t.Version())
	return s.under(ctx, records), eventstore.Expectation{Stream: after.Stream, Version: at, Tip: &tip{store: s, tip: t}}
}

// unread is the version that the expectation of an unreadable stream has.
const unread = eventstore.Expected(math.MaxInt64)

func (s *Store) readQueued(
	ctx context.Context, after eventstore.Expectation, with []eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], *owner.Tip, error) {
	p, err := s.decidable(ctx, after.Stream)
	if err != nil {
		return nil, nil, err
	}
	from := owner.From{Stream: after.Stream, Version: min(max(int64(after.Version), 0), math.MaxInt64-1)}
	if from.Tip, err = s.tipOf(after); err != nil {
		return nil, nil, err
	}
	tips, err := s.tipsWith(after.Stream, with)
	if err != nil {
		return nil, nil, err
	}
	return p.ReadQueued(ctx, from, tips)
}

// tipsWith returns the tips of streams that were read before, for a decision that looks at this
// one, too.
func (s *Store) tipsWith(stream eventstore.Stream, with []eventstore.Expectation) ([]*owner.Tip, error) {
	if len(with) == 0 {
		return nil, nil
	}
	if c := s.categories[stream.Category]; !c.keysUnchecked { // not by the proof
		if err := eventstore.CheckTogether(stream, with, c.key); err != nil {
			return nil, err
		}
	}
	return s.tipsOf(nil, with)
}

// decidable returns the partition of a stream whose name nobody has checked yet, if decisions can
// be made on what is known of it.
func (s *Store) decidable(ctx context.Context, stream eventstore.Stream) (storedPartition, error) {
	p, err := s.readable(ctx, stream)
	if err == nil {
		err = p.Readable()
	}
	return p, err
}

// tip is the Tip of this store's expectations.
type tip struct {
	store *Store
	tip   *owner.Tip // nil if the stream could not be read
	err   error      // why it could not be read
}

// tipsOf appends the tips that the expectations carry, with nil for those that have none. It fails
// if a tip is another store's, or if the tip's stream could not be read.
func (s *Store) tipsOf(tips []*owner.Tip, expect []eventstore.Expectation) ([]*owner.Tip, error) {
	for _, e := range expect {
		t, err := s.tipOf(e)
		if err != nil {
			return nil, err
		}
		tips = append(tips, t)
	}
	return tips, nil
}

// tipOf returns the tip of one expectation.
func (s *Store) tipOf(e eventstore.Expectation) (*owner.Tip, error) {
	if e.Tip == nil {
		return nil, nil
	}
	t, ok := e.Tip.(*tip)
	switch {
	case ok && t.store == s && t.err != nil:
		return nil, t.err
	case !ok || t.store != s || t.tip.Stream() != e.Stream || eventstore.Expected(t.tip.Version()) != e.Version:
		return nil, &eventstore.InvalidError{
			Field: "expectation of " + e.Stream.String(), Found: "a tip that is not of this store, stream and version",
			Want: "what ReadQueued of this store returned, unchanged",
		}
	}
	return t.tip, nil
}
