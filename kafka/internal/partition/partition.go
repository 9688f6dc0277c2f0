package partition

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/owner"
	"github.com/fencelog/fencelog/kafka/internal/retry"
	"github.com/fencelog/fencelog/kafka/internal/rule"
)

// Partition is this process's part in one partition. The process owns the partition, or follows
// what the owner writes. In both roles it keeps its index up to date. Its methods may be called by
// any number of goroutines.
type Partition struct {
	cfg      Config
	follower *rule.Follower // used by the goroutine of the role
	record   *claim.Record  // and this too

	mu     sync.Mutex // one change of role at a time
	role   *role      // nil before the first one, and once closed
	closed bool

	now atomic.Pointer[state]
}

// state is what appending needs to know.
type state struct {
	owner    *owner.Owner  // nil while somebody else owns the partition
	claiming chan struct{} // closed once the claim under way has succeeded or failed; nil if there is none
	err      error         // why nothing is appended here while owner is nil, or why nothing can be read
	broken   bool          // err is about reading as well
}

// role is the goroutine of a role. It waits for the loss of an owner's claim, or follows the
// partition.
type role struct {
	stop    context.CancelFunc
	done    chan struct{}
	follows bool // from its beginning on
}

// New returns the partition without a role: nothing is read or written yet.
func New(cfg Config) *Partition {
	record := claim.NewRecord()
	p := &Partition{cfg: cfg, record: record, follower: rule.New(cfg.rule(), record)}
	p.now.Store(&state{err: errUnclaimed})
	return p
}

// The reasons why nothing is appended.
var (
	errUnclaimed = errors.New("this process follows the partition and has not claimed it: " +
		"call the store's Claim once all else is ready")
	errClaiming  = errors.New("the claim is under way")
	errFollowing = errors.New("this process follows the partition and does not own it")
	errGivenUp   = errors.New("this process has just given the partition up")
)

// Own claims the partition from its owner, if it has one, and reads everything that counts into the
// index. As long as brokers may yet give another answer, it tries again until ctx ends. If Own
// fails, the process follows the partition. If the claim is lost later, see Config.Keep.
func (p *Partition) Own(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return eventstore.ErrClosed
	}
	switch s := p.now.Load(); {
	case s.broken:
		return s.err
	case s.owner != nil && !s.owner.Over():
		return nil
	}
	if err := p.cfg.Index.Err(); err != nil { // a claim would take it from an owner that can append
		return err
	}
	p.rest(p.notOwner(errFollowing))
	claiming := make(chan struct{})
	p.now.Store(&state{claiming: claiming, err: errFollowing})
	defer close(claiming)
	o, err := p.claim(ctx, seize)
	if err != nil {
		p.now.Store(&state{err: err})
		p.followOn(ctx)
		return err
	}
	p.now.Store(&state{owner: o})
	p.play(ctx, func(ctx context.Context) { p.keep(ctx, o) })
	return nil
}

// Follow is the first role of a partition. It reads up to the end, and then goes on in the
// background.
func (p *Partition) Follow(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return eventstore.ErrClosed
	}
	if err := p.follower.CheckBeginning(ctx); err != nil {
		return err
	}
	if err := p.follower.FollowToEnd(ctx); err != nil {
		return err
	}
	p.followOn(ctx)
	return nil
}

// Release gives up the partition if this process owns it, and follows it.
func (p *Partition) Release(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.now.Load().broken || p.followsAlready() {
		return
	}
	p.rest(p.notOwner(errGivenUp))
	p.now.Store(&state{err: errFollowing})
	p.followOn(ctx)
}

// followsAlready reports whether this process follows the partition and does not own it. p.mu is
// held.
func (p *Partition) followsAlready() bool {
	s := p.now.Load()
	return p.role != nil && p.role.follows && !s.broken && p.now.CompareAndSwap(s, &state{err: errFollowing})
}

// Close stops following, or ends the owner, which tries the batch in flight one last time. It may
// be called more than once.
func (p *Partition) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.rest(eventstore.ErrClosed)
	p.follower.Drop()
}

// Append does what eventstore.Store's does, for streams of this partition and input that was
// checked. The tips are those of the commit's expectations, in their order, with nil for those that
// have none. While a claim is under way, Append waits for that.
func (p *Partition) Append(
	ctx context.Context, c eventstore.Commit, tips []*owner.Tip,
) (eventstore.Result, error) {
	o, err := p.ownerOf(ctx, tips)
	switch {
	case err != nil:
		return eventstore.Result{}, err
	case len(c.Records) > 0:
		return o.Append(ctx, c, tips)
	}
	tips = slices.Clone(tips)
	for i, t := range tips {
		if t != nil {
			continue
		}
		if _, tips[i], err = o.ReadQueued(owner.End(c.Expect[i].Stream), nil); err != nil {
			return eventstore.Result{}, err
		}
	}
	return o.Check(ctx, c, tips)
}

// ownerOf returns the owner that has read one of the tips. If it is not the owner any more, it says
// why when it is asked. Without a tip, ownerOf returns the owner of now.
func (p *Partition) ownerOf(ctx context.Context, tips []*owner.Tip) (*owner.Owner, error) {
	for _, t := range tips {
		if t != nil {
			return t.Owner(), nil
		}
	}
	return p.owner(ctx)
}

// Applied reports whether the partition key of the aggregate has a commit of the command that
// ReadQueued shows. It waits and fails as ReadQueued does, for the streams of with.
func (p *Partition) Applied(
	ctx context.Context, aggregateID, commandID string, with []*owner.Tip,
) (bool, error) {
	o, err := p.owner(ctx)
	if err != nil {
		return false, err
	}
	return o.Applied(aggregateID, commandID, with)
}

// owner returns the owner. It waits for a claim that is under way.
func (p *Partition) owner(ctx context.Context) (*owner.Owner, error) {
	for {
		s := p.now.Load()
		switch {
		case s.owner != nil:
			return s.owner, nil
		case s.claiming == nil:
			return nil, p.notOwner(s.err)
		}
		select {
		case <-s.claiming:
		case <-ctx.Done():
			return nil, &line.WaitingError{Cause: context.Cause(ctx)}
		}
	}
}

// ReadQueued yields the stream's records behind a version: those that are stored, and then those of
// its line. The tip is their end. While a claim is under way, it waits for that. It fails if the
// stream and those of with do not stand as they were read, see [owner.Owner.ReadQueued]. It fails
// if this process does not own the partition. Then the index may lack what the owner has stored,
// and no decision can rest on it.
func (p *Partition) ReadQueued(
	ctx context.Context, after owner.From, with []*owner.Tip,
) (iter.Seq2[eventstore.Record, error], *owner.Tip, error) {
	o, err := p.owner(ctx)
	if err != nil {
		return nil, nil, err
	}
	return o.ReadQueued(after, with)
}

// Owned reports whether this process owns the partition, as far as it knows.
func (p *Partition) Owned() bool {
	o := p.now.Load().owner
	return o != nil && !o.Over()
}

// NotOwned returns nil if this process owns the partition, as far as it knows, and otherwise why it
// does not.
func (p *Partition) NotOwned() error {
	switch s := p.now.Load(); {
	case s.owner != nil:
		if err := s.owner.Gone(); err != nil || !s.owner.Over() {
			return err
		}
		return p.notOwner(errFollowing)
	case s.claiming != nil:
		return p.notOwner(errClaiming)
	default:
		return p.notOwner(s.err)
	}
}

// Ended reports whether the error of Readable is final.
func (p *Partition) Ended() bool { return p.now.Load().broken }

// Lost returns a channel that is closed once this process, as the owner, can append no more. The
// last call of Own must have succeeded.
func (p *Partition) Lost() <-chan struct{} {
	if o := p.now.Load().owner; o != nil {
		return o.Finished()
	}
	lost := make(chan struct{})
	close(lost)
	return lost
}

// Readable returns nil, or why the index is not kept up to date. That is for good, or until a
// broker that refuses the reading accepts it.
func (p *Partition) Readable() error {
	if err := p.cfg.Index.Err(); err != nil {
		return err
	}
	if s := p.now.Load(); s.broken {
		return s.err
	}
	return p.follower.Refusal()
}

// Skipped returns how many records the reader rule has left out.
func (p *Partition) Skipped() int64 { return p.follower.Skipped() }

// Lag returns how many offsets of the partition the index does not hold. The end of the partition
// is the one that a broker told last.
func (p *Partition) Lag() int64 {
	return max(p.follower.High()-p.cfg.Index.Checkpoint().Next, 0)
}

// rest ends the role, and refuses commits that wait with the reason. p.mu is held.
func (p *Partition) rest(reason error) {
	if p.role != nil {
		p.role.stop()
		<-p.role.done
		p.role = nil
	}
	if o := p.now.Load().owner; o != nil {
		o.End(reason)
	}
}

// play starts a role, which lives on after the call that starts it. p.mu is held.
func (p *Partition) play(ctx context.Context, part func(context.Context)) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &role{stop: stop, done: make(chan struct{})}
	p.role = r
	go func() {
		defer close(r.done)
		part(run)
	}()
}

func (p *Partition) followOn(ctx context.Context) {
	p.play(ctx, func(ctx context.Context) { p.follow(ctx, forever) })
	p.role.follows = true
}

func forever() bool { return false }

// follow follows the partition until done says so, until ctx ends, or until the partition or the
// index cannot be used any more. If a broker refuses the reading, for a permission or a login,
// follow asks again. Somebody may set that right, and should not have to restart every instance
// then.
func (p *Partition) follow(ctx context.Context, done func() bool) {
	f := p.follower
	defer f.WaitFor(log.Anytime)()
	for refusals := 1; ; refusals++ {
		err := f.Follow(ctx, func(index.Checkpoint) bool { return ctx.Err() != nil || done() })
		if err == nil || ctx.Err() != nil {
			return
		}
		// brokers that were away have been waited for, so this is the index's failure, or the
		// partition's content
		if retry.KindOf(err) == retry.Passing {
			p.breaks(err)
			return
		}
		f.Refuse(err)
		p.cfg.Index.Wake() // readers that wait for more learn that none comes now
		if refusals&(refusals-1) == 0 {
			p.cfg.Logger.Error("partition cannot be followed now", "topic", p.cfg.Topic, "partition", p.cfg.Partition,
				"refusals", refusals, "error", err)
		}
		if clock.Wait(ctx, refusedPause) != nil {
			return
		}
	}
}

// breaks ends following for good.
func (p *Partition) breaks(err error) {
	cfg := &p.cfg
	cfg.Logger.Error("partition is not followed any more", "topic", cfg.Topic, "partition", cfg.Partition, "error", err)
	p.now.Store(&state{owner: p.now.Load().owner, err: err, broken: true})
	cfg.Index.Wake() // readers that wait for more learn that none comes any more
}

func (p *Partition) notOwner(cause error) error {
	return &owner.NotOwnerError{Topic: p.cfg.Topic, Partition: p.cfg.Partition, Cause: cause}
}

// claim claims the partition.
func (p *Partition) claim(ctx context.Context, how owner.How) (*owner.Owner, error) {
	return owner.New(ctx, p.cfg.owner(), p.follower, p.record, how)
}

func seize(ctx context.Context, c *claim.Claim) (index.Term, error) { return c.Seize(ctx) }
