package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/states"
)

// read is the stream of an aggregate as it was read for a decision.
type read[S any] struct {
	id      string
	from    *states.Point[S] // that the read goes on from; nil for the beginning of the stream
	queued  bool             // from may have events that are not stored yet
	records iter.Seq2[eventstore.Record, error]
	at      eventstore.Expectation
	point   *states.Point[S] // at the end of what was read, once it is folded; nil for no events
	state   S                // a copy of the point's, for the decision
	folded  bool             // point and state are set
}

// read reads what is stored and queued of an aggregate, behind the newest state that is kept of it.
func (r *Repository[S]) read(ctx context.Context, id string, with ...eventstore.Expectation) *read[S] {
	stream := r.Stream(id)
	stored, queued := r.states.Newest(id)
	if queued != nil {
		found := &read[S]{id: id, from: queued.Point, queued: true}
		found.records, found.at = r.store.ReadQueued(ctx, queued.At, with...)
		if !errors.Is(failure(found.records), eventstore.ErrConflict) {
			return found
		}
		// An event of that state was not stored in its place, or one of with has moved.
		r.states.DropQueued(id, queued)
	}
	found := &read[S]{id: id, from: stored}
	found.records, found.at = r.store.ReadQueued(ctx, stream.At(versionOf(stored)), with...)
	return found
}

func versionOf[S any](p *states.Point[S]) int64 {
	if p == nil {
		return 0
	}
	return p.Version
}

// fold completes what was read, and keeps the state.
func (r *Repository[S]) fold(ctx context.Context, found *read[S]) error {
	if found.folded {
		return nil
	}
	f, err := r.foldAll(ctx, found.id, found.from, found.records)
	if err != nil {
		return err
	}
	if at := int64(found.at.Version); at != f.root.version {
		r.states.Drop(found.id)
		return &gapError{found: at, want: f.root.version}
	}
	found.point, found.state, found.folded = f.point, f.root.state, true
	switch {
	case f.point == found.from:
	case f.queued:
		r.states.PutQueued(found.id, &states.Queued[S]{Point: f.point, At: found.at})
	default:
		r.states.PutStored(found.id, f.point)
	}
	return nil
}

// folded is what a state and the events behind it make.
type folded[S any] struct {
	root   *Root[S]
	point  *states.Point[S]
	queued bool // the last event is queued
}

// foldAll folds events onto a state; nil stands for the state before the first one.
func (r *Repository[S]) foldAll(
	ctx context.Context, id string, from *states.Point[S], records iter.Seq2[eventstore.Record, error],
) (f folded[S], err error) {
	start := r.begin()
	f.root = r.typ.New(id)
	f.root.state, f.root.version = r.kind.Of(from)
	bytes := 0
	for rec, err := range records {
		if err != nil {
			return f, err
		}
		if rec.AggregateVersion != f.root.version+1 {
			return f, &gapError{found: rec.AggregateVersion, at: rec.Position, want: f.root.version + 1}
		}
		events, err := r.decode(ctx, rec)
		if err != nil {
			return f, err
		}
		f.root.replay(events...)
		f.queued = rec.Position == (event.Position{})
		bytes += len(rec.Value)
	}
	if f.point = from; f.root.version > versionOf(from) && r.states != nil {
		f.point = r.kind.NewPoint(f.root.state, f.root.version, from, bytes)
	}
	r.tell(ctx, id, from, f.root.version, start)
	return f, nil
}

// begin returns the time, if somebody wants to know how long a load takes.
func (r *Repository[S]) begin() (start time.Time) {
	if r.cfg.Hooks.Loaded != nil {
		start = clock.Reading()
	}
	return start
}

// tell tells the hook of a load.
func (r *Repository[S]) tell(ctx context.Context, id string, from *states.Point[S], version int64, start time.Time) {
	if r.cfg.Hooks.Loaded == nil {
		return
	}
	l := Loaded{
		Stream: r.Stream(id), From: FromStart, Folded: version - versionOf(from), Version: version,
		Duration: time.Since(start),
	}
	if from != nil {
		l.From = FromCache
	}
	r.cfg.Hooks.Loaded(ctx, l)
}

// Load returns the aggregate of the given id as its stored events make it. An aggregate without
// events is at version 0 with the zero state; that is no error.
//
// Load fails with
//   - a *[DecodeError] if an event cannot be decoded, because no event is ever left out;
//   - the errors of the store's ReadStream.
func (r *Repository[S]) Load(ctx context.Context, id string) (*Root[S], error) {
	from, _ := r.states.Newest(id)
	f, err := r.foldAll(ctx, id, from, r.store.ReadStream(ctx, r.Stream(id), versionOf(from)+1))
	if err != nil {
		return nil, fmt.Errorf("load %s/%s: %w", r.typ.name, id, err)
	}
	if f.point != from {
		r.states.PutStored(id, f.point)
	}
	return f.root, nil
}

// settle keeps the states that a decision has rested on, as all their events are stored by now.
func (a *attempt[S]) settle() {
	for _, found := range a.reads {
		if found.point != nil && (found.queued || found.point != found.from) {
			a.states.PutStored(found.id, found.point)
		}
	}
}

// settleCommit does the same once a commit is stored, and folds the commit's events onto the states.
// So the next load of them reads nothing.
func (a *attempt[S]) settleCommit(ctx context.Context, c *commit[S], result eventstore.Result) {
	if a.states == nil || result.Repeated {
		return
	}
	a.settle()
	for _, w := range result.Streams {
		for _, found := range a.reads {
			if found.id == w.Stream.ID && found.folded && w.First == versionOf(found.point)+1 {
				a.foldOwn(ctx, found, c)
			}
		}
	}
}

// foldOwn keeps the state that the commit's own events make of a state that was read.
func (a *attempt[S]) foldOwn(ctx context.Context, found *read[S], c *commit[S]) {
	root, bytes := a.typ.New(found.id), 0
	root.state, root.version = a.kind.Of(found.point)
	for i := range c.Records {
		if c.Records[i].AggregateID != found.id {
			continue
		}
		events, err := c.eventsOf(ctx, a.Repository, i)
		if err != nil {
			return // the next load says so
		}
		root.replay(events...)
		bytes += len(c.Records[i].Value)
	}
	a.states.PutStored(found.id, a.kind.NewPoint(root.state, root.version, found.point, bytes))
}

// eventsOf returns the events of a record, for a state that may keep parts of them. The commit's own
// copies are the outcome's, so only a state that keeps nothing of them may get these.
func (c *commit[S]) eventsOf(ctx context.Context, r *Repository[S], record int) ([]Event[S], error) {
	if !r.kind.Flat() {
		return r.decode(ctx, c.Records[record])
	}
	events := make([]Event[S], len(c.copies[record]))
	for i, e := range c.copies[record] {
		events[i] = e.(Event[S])
	}
	return events, nil
}
