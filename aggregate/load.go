package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/states"
)

// read is the stream of an aggregate as it was read for a decision.
type read[S any] struct {
	id      string
	base    base[S]
	queued  bool // the base may have events that are not stored yet
	records iter.Seq2[eventstore.Record, error]
	at      eventstore.Expectation
	point   *states.Point[S] // at the end of what was read, once it is folded; nil for no events
	state   S                // a copy of the point's, for the decision
	folded  bool             // point and state are set
}

// base is what a load begins with.
type base[S any] struct {
	*states.Point[S] // nil for the beginning of the stream

	from Source
}

func (b base[S]) version() int64 { return versionOf(b.Point) }

func versionOf[S any](p *states.Point[S]) int64 {
	if p == nil {
		return 0
	}
	return p.Version
}

// cached returns the stored point of the cache as a base.
func cached[S any](p *states.Point[S]) base[S] {
	if p == nil {
		return base[S]{from: FromStart}
	}
	return base[S]{p, FromCache}
}

// read reads what is stored and queued of an aggregate, behind the newest state that is kept of it.
func (r *Repository[S]) read(ctx context.Context, id string, with ...eventstore.Expectation) *read[S] {
	stream := r.Stream(id)
	stored, queued := r.states.Newest(id)
	if queued != nil {
		found := &read[S]{id: id, base: base[S]{queued.Point, FromCache}, queued: true}
		found.records, found.at = r.store.ReadQueued(ctx, queued.At, with...)
		if !errors.Is(failure(found.records), eventstore.ErrConflict) {
			return found
		}
		// An event of that state was not stored in its place, or one of with has moved.
		r.states.DropQueued(id, queued)
	}
	found := &read[S]{id: id, base: cached(stored)}
	found.records, found.at = r.store.ReadQueued(ctx, stream.At(versionOf(stored)), with...)
	if stored != nil || int64(found.at.Version) < r.snapshots.least() || failure(found.records) != nil {
		return found
	}
	b := r.snapshot(ctx, id)
	if b.Point == nil {
		return found
	}
	on := &read[S]{id: id, base: b}
	on.records, on.at = r.store.ReadQueued(ctx, stream.At(b.Version), with...)
	if failure(on.records) == nil && int64(on.at.Version) < b.Version {
		r.snapshots.forgetAhead(ctx, stream, b.Version, int64(on.at.Version))
		return found
	}
	return on
}

// snapshot returns the snapshot of an aggregate; its Point is nil if there is none.
func (r *Repository[S]) snapshot(ctx context.Context, id string) base[S] {
	return base[S]{r.snapshots.find(ctx, r.kind, r.Stream(id)), FromSnapshot}
}

// fold completes what was read, and keeps the state.
func (r *Repository[S]) fold(ctx context.Context, found *read[S]) error {
	if found.folded {
		return nil
	}
	f, err := r.foldAll(ctx, found.id, found.base, found.records)
	if err != nil {
		return err
	}
	if at := int64(found.at.Version); at != f.root.version {
		r.states.Drop(found.id)
		return &gapError{found: at, want: f.root.version}
	}
	found.point, found.state, found.folded = f.point, f.root.state, true
	switch {
	case f.point == found.base.Point && found.base.from != FromSnapshot:
	case f.queued:
		r.states.PutQueued(found.id, &states.Queued[S]{Point: f.point, At: found.at})
	default:
		r.keep(ctx, found.id, f)
	}
	return nil
}

// folded is what a base and the events behind it make.
type folded[S any] struct {
	root   *Root[S]
	point  *states.Point[S]
	queued bool // the last event is queued
	slow   bool // it took so long that there should be a snapshot
}

// foldAll folds events onto a base.
func (r *Repository[S]) foldAll(
	ctx context.Context, id string, from base[S], records iter.Seq2[eventstore.Record, error],
) (f folded[S], err error) {
	start := r.begin(from)
	f.root = r.typ.New(id)
	f.root.state, f.root.version = r.kind.Of(from.Point)
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
	if f.point = from.Point; f.root.version > from.version() {
		f.point = r.kind.NewPoint(f.root.state, f.root.version, from.Point, bytes)
	}
	f.slow = r.tell(ctx, id, from, f.root.version, start)
	return f, nil
}

// keep keeps a state whose events are stored, and takes a snapshot of it if one is due.
func (r *Repository[S]) keep(ctx context.Context, id string, f folded[S]) {
	if r.snapshots == nil {
		r.states.PutStored(id, f.point, math.MaxInt64)
		return
	}
	every := r.snapshots.Every
	if f.slow {
		every = 1
	}
	due := r.states.PutStored(id, f.point, every)
	if r.states == nil {
		due = f.point.Since() >= every
	}
	if due {
		r.snapshots.keep(ctx, r.Stream(id), f.point.State, f.point.Version)
	}
}

// begin returns the time, if somebody wants to know how long a load takes.
func (r *Repository[S]) begin(from base[S]) (start time.Time) {
	if r.cfg.Hooks.Loaded != nil || r.snapshots != nil && from.from != FromCache {
		start = clock.Reading()
	}
	return start
}

// tell tells the hook of a load. It reports whether the load was slow.
func (r *Repository[S]) tell(
	ctx context.Context, id string, from base[S], version int64, start time.Time,
) (slow bool) {
	if start.IsZero() {
		return false
	}
	l := Loaded{
		Stream: r.Stream(id), From: from.from, Folded: version - from.version(), Version: version,
		Duration: time.Since(start),
	}
	if r.cfg.Hooks.Loaded != nil {
		r.cfg.Hooks.Loaded(ctx, l)
	}
	return r.snapshots != nil && from.from != FromCache && l.Duration >= r.snapshots.LoadTime &&
		version >= r.snapshots.least()
}

// Load returns the aggregate of the given id as its stored events make it. An aggregate without
// events is at version 0 with the zero state; that is no error.
//
// Load fails with
//   - a *[DecodeError] if an event cannot be decoded, because no event is ever left out;
//   - the errors of the store's ReadStream.
func (r *Repository[S]) Load(ctx context.Context, id string) (*Root[S], error) {
	stored, _ := r.states.Newest(id)
	from := cached(stored)
	if stored == nil && r.snapshots != nil {
		if b := r.snapshot(ctx, id); b.Point != nil && r.has(ctx, id, b.Version) {
			from = b
		}
	}
	f, err := r.foldAll(ctx, id, from, r.store.ReadStream(ctx, r.Stream(id), from.version()+1))
	if err != nil {
		return nil, fmt.Errorf("load %s/%s: %w", r.typ.name, id, err)
	}
	if f.point != stored {
		r.keep(ctx, id, f)
	}
	return f.root, nil
}

// has reports whether the stream of a snapshot has the version, as far as anybody can tell.
func (r *Repository[S]) has(ctx context.Context, id string, version int64) bool {
	for rec, err := range r.store.ReadStream(ctx, r.Stream(id), version) {
		return err != nil || rec.AggregateVersion == version // Load meets the error, too
	}
	r.snapshots.forgetAhead(ctx, r.Stream(id), version, version-1)
	return false
}

// settle keeps the states that a decision has rested on, as all their events are stored by now.
func (a *attempt[S]) settle(ctx context.Context) {
	for _, found := range a.reads {
		if a.states != nil && found.point != nil && (found.queued || found.point != found.base.Point) {
			a.keep(ctx, found.id, folded[S]{point: found.point})
		}
	}
}

// settleCommit does the same once a commit is stored, and folds the commit's events onto the
// states. So the next load of them reads nothing.
func (a *attempt[S]) settleCommit(ctx context.Context, c *commit[S], result eventstore.Result) {
	if a.states == nil || result.Repeated {
		return
	}
	a.settle(ctx)
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
	a.keep(ctx, found.id, folded[S]{point: a.kind.NewPoint(root.state, root.version, found.point, bytes)})
}

// eventsOf returns the events of a record, for a state that may keep parts of them. The commit's
// own copies are the outcome's, so only a state that keeps nothing of them may get these.
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
