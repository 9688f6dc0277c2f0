package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
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
	folded  *folded[S] // what was read, once it is folded; its state is the decision's
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
	if found.folded != nil {
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
	found.folded = f
	switch {
	case f.point == found.base.Point && found.base.from != FromSnapshot:
	case f.queued:
		r.states.PutQueued(found.id, &states.Queued[S]{Point: f.point, At: found.at})
	default:
		r.keep(ctx, found.id, f.point, f.slow)
	}
	return nil
}

// folded is what a base and the events behind it make. It is one value with all that changes during
// a read, because the loop over the records puts each of those on the heap.
type folded[S any] struct {
	root   Root[S]
	bytes  int // of the events
	point  *states.Point[S]
	queued bool  // the last event is queued
	slow   bool  // it took so long that there should be a snapshot
	err    error // why the fold has ended early
}

// foldAll folds events onto a base.
func (r *Repository[S]) foldAll(
	ctx context.Context, id string, from base[S], records iter.Seq2[eventstore.Record, error],
) (*folded[S], error) {
	start := r.begin(from)
	f := &folded[S]{root: Root[S]{typ: r.typ, id: id}, point: from.Point}
	f.root.state, f.root.version = r.kind.Of(from.Point)
	for rec, err := range records {
		if f.err = err; err == nil {
			f.err = r.foldOne(ctx, f, &rec)
		}
		if f.err != nil {
			break
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	if f.root.version > from.version() {
		f.point = r.kind.NewPoint(f.root.state, f.root.version, from.Point, f.bytes)
	}
	f.slow = r.tell(ctx, id, from, f.root.version, start)
	return f, nil
}

// foldOne folds the next record.
func (r *Repository[S]) foldOne(ctx context.Context, f *folded[S], rec *eventstore.Record) error {
	if rec.AggregateVersion != f.root.version+1 {
		return &gapError{found: rec.AggregateVersion, at: rec.Position, want: f.root.version + 1}
	}
	events, err := r.decode(ctx, rec)
	if err != nil {
		return err
	}
	f.root.replay(events...)
	f.queued = rec.Position == (event.Position{})
	f.bytes += len(rec.Value)
	return nil
}

// keep keeps a state whose events are stored, and takes a snapshot of it if one is due.
func (r *Repository[S]) keep(ctx context.Context, id string, p *states.Point[S], slow bool) {
	if r.snapshots == nil {
		r.states.PutStored(id, p, math.MaxInt64)
		return
	}
	every := r.snapshots.Every
	if slow {
		every = 1
	}
	due := r.states.PutStored(id, p, every)
	if r.states == nil {
		due = p.Since() >= every
	}
	if due {
		r.snapshots.keep(ctx, r.Stream(id), p.State, p.Version)
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
		r.keep(ctx, id, f.point, f.slow)
	}
	return &f.root, nil
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
	if a.states == nil {
		return
	}
	for _, found := range a.reads {
		a.settleRead(ctx, found)
	}
}

func (a *attempt[S]) settleRead(ctx context.Context, found *read[S]) {
	if found.folded == nil {
		return
	}
	if p := found.folded.point; p != nil && (found.queued || p != found.base.Point) {
		a.keep(ctx, found.id, p, false)
	}
}

// settleCommit does the same once a commit is stored, and folds the commit's events onto the
// states. So the next load of them reads nothing.
func (a *attempt[S]) settleCommit(ctx context.Context, c *commit[S], result eventstore.Result) {
	if a.states == nil || result.Repeated {
		return
	}
	for _, found := range a.reads {
		wrote := func(w eventstore.Written) bool {
			return w.Stream.ID == found.id && found.folded != nil && w.First == versionOf(found.folded.point)+1
		}
		if !slices.ContainsFunc(result.Streams, wrote) || !a.foldOwn(ctx, found, c) {
			a.settleRead(ctx, found)
		}
	}
}

// foldOwn keeps the state that the commit's own events make of a state that was read. It folds them
// in place of the decision's state, which nobody looks at any more. It reports false if it cannot.
func (a *attempt[S]) foldOwn(ctx context.Context, found *read[S], c *commit[S]) (folded bool) {
	from, root, bytes := found.folded.point, &found.folded.root, 0
	root.state, root.version = a.kind.Of(from)
	for i := range c.Records {
		if c.Records[i].AggregateID != found.id {
			continue
		}
		if err := c.replay(ctx, a.Repository, i, root); err != nil {
			return false // the next load says so
		}
		bytes += len(c.Records[i].Value)
	}
	a.keep(ctx, found.id, a.kind.NewPoint(root.state, root.version, from, bytes), false)
	return true
}

// replay applies the events of a record. The state may keep parts of them. The commit's own copies
// are the outcome's, so only a state that keeps nothing of them may get these.
func (c *commit[S]) replay(ctx context.Context, r *Repository[S], record int, root *Root[S]) error {
	if !r.kind.Flat() {
		events, err := r.decode(ctx, &c.Records[record])
		if err == nil {
			root.replay(events...)
		}
		return err
	}
	for _, e := range c.stored[record].Events {
		e.(Event[S]).Apply(&root.state)
	}
	root.version++
	return nil
}
