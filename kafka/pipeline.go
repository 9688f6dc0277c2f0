package kafka

import (
	"context"
	"iter"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/owner"
)

var _ eventstore.Pipelined = (*Store)(nil)

// ReadQueued implements [eventstore.Pipelined]. What is queued behind a commit of Append, and that commit, is not yielded: its
// versions are not known before it is written. Where this instance does not own the partition, it fails with a *[NotOwnerError].
func (s *Store) ReadQueued(
	ctx context.Context, stream eventstore.Stream, from int64,
) (iter.Seq2[eventstore.Record, error], eventstore.Tip) {
	err := eventstore.CheckStream(stream)
	if err != nil {
		return failing(err), failedTip{err}
	}
	p, err := s.partitionOf(ctx, stream)
	if err != nil {
		return failing(err), failedTip{err}
	}
	if err := p.Readable(); err != nil {
		return failing(public(err)), failedTip{public(err)}
	}
	records, t, err := p.ReadQueued(ctx, stream, from)
	if err != nil {
		err = s.explained(err)
		return failing(err), failedTip{err}
	}
	return s.under(ctx, records), &tip{store: s, stream: stream, Tip: t}
}

// tip checks input and makes errors public.
type tip struct {
	store  *Store
	stream eventstore.Stream
	*owner.Tip
}

func (t *tip) Append(ctx context.Context, records ...eventstore.Record) (eventstore.Result, error) {
	return t.store.appending(ctx, t.stream, eventstore.Expected(t.Version()), records, func() (eventstore.Result, error) {
		if ctx.Err() != nil {
			return eventstore.Result{}, context.Cause(ctx)
		}
		return t.Tip.Append(ctx, records)
	})
}

func (t *tip) Await(ctx context.Context) error { return t.store.explained(t.Tip.Await(ctx)) }

func (t *tip) Stored(ctx context.Context) error { return t.store.explained(t.Tip.Stored(ctx)) }

// failedTip is that of a stream that cannot be read.
type failedTip struct{ err error }

func (t failedTip) Append(context.Context, ...eventstore.Record) (eventstore.Result, error) {
	return eventstore.Result{}, t.err
}

func (t failedTip) Await(context.Context) error { return t.err }

func (t failedTip) Stored(context.Context) error { return t.err }
