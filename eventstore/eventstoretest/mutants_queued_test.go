package eventstoretest_test

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/eventstore"
)

// ReadQueued makes the wrapped store an eventstore.Pipelined that never has anything queued.
func (w *wrapped) ReadQueued(ctx context.Context, stream eventstore.Stream, from int64) (records, eventstore.Tip) {
	version := w.length(ctx, stream)
	all := w.ReadStream(ctx, stream, from)
	return all, w.tip(&wrappedTip{w: w, stream: stream, version: version})
}

type wrappedTip struct {
	w       *wrapped
	stream  eventstore.Stream
	version int64
}

func (t *wrappedTip) Append(ctx context.Context, records ...eventstore.Record) (eventstore.Result, error) {
	return t.w.Append(ctx, t.stream, eventstore.Expected(t.version), records...)
}

func (t *wrappedTip) Await(context.Context) error { return eventstore.CheckStream(t.stream) }

// brokenTip replaces the methods of a tip that are not nil.
type brokenTip struct {
	*wrappedTip
	append func(context.Context, *wrappedTip, []eventstore.Record) (eventstore.Result, error)
	await  func(*wrappedTip) error
}

func (t *wrappedTip) Stored(ctx context.Context) error { return t.Await(ctx) }

func (t brokenTip) Append(ctx context.Context, records ...eventstore.Record) (eventstore.Result, error) {
	if t.append == nil {
		return t.wrappedTip.Append(ctx, records...)
	}
	return t.append(ctx, t.wrappedTip, records)
}

func (t brokenTip) Await(ctx context.Context) error {
	if t.await == nil {
		return t.wrappedTip.Await(ctx)
	}
	return t.await(t.wrappedTip)
}

func tipping(broken brokenTip) func(*wrapped) {
	return func(w *wrapped) {
		w.tip = func(t *wrappedTip) eventstore.Tip {
			b := broken
			b.wrappedTip = t
			return b
		}
	}
}

func queuedMutants() []mutant {
	return []mutant{
		{name: "appends behind a tip wherever the stream ends", caughtBy: caughtBy(queued), breaks: tipping(brokenTip{
			append: func(ctx context.Context, t *wrappedTip, records []eventstore.Record) (eventstore.Result, error) {
				return t.w.Append(ctx, t.stream, eventstore.Any, records...)
			},
		})},
		{name: "takes the tip from after the read", caughtBy: caughtBy(queued), breaks: tipping(brokenTip{
			append: func(ctx context.Context, t *wrappedTip, records []eventstore.Record) (eventstore.Result, error) {
				return t.w.Append(ctx, t.stream, eventstore.Expected(t.w.length(ctx, t.stream)), records...)
			},
		})},
		{name: "does not check what is appended behind a tip", caughtBy: caughtBy(queued), breaks: tipping(brokenTip{
			append: func(ctx context.Context, t *wrappedTip, records []eventstore.Record) (eventstore.Result, error) {
				if len(records) == 0 {
					return eventstore.Result{}, nil
				}
				return t.Append(ctx, records...)
			},
		})},
		{name: "appends behind a tip for a context that has ended", caughtBy: caughtBy(queued), breaks: tipping(brokenTip{
			append: func(ctx context.Context, t *wrappedTip, records []eventstore.Record) (eventstore.Result, error) {
				return t.Append(context.WithoutCancel(ctx), records...)
			},
		})},
		{name: "never knows that a tip is stored", caughtBy: caughtBy(queued), breaks: tipping(brokenTip{
			await: func(*wrappedTip) error { return errors.New("not stored") },
		})},
		{name: "waits for a stream that cannot be", caughtBy: caughtBy(queued), breaks: tipping(brokenTip{
			await: func(*wrappedTip) error { return nil },
		})},
	}
}
