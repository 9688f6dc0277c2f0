package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/sharing"
)

// ownership owns the partitions that the group assigns to this process, and gives up the others. A
// nil one does nothing.
type ownership struct {
	member  *sharing.Member
	self    string
	seats   map[sharing.Partition]*seat
	cancel  context.CancelFunc
	keepers sync.WaitGroup

	mu    sync.Mutex
	table sharing.Table // the last one there was
	out   error         // why this process is not in the group; nil if it is
}

// share joins the group and returns once what it assigned to this process has been claimed. The
// ownership is to be stopped and left also if that fails.
func share(ctx context.Context, s *Store) error {
	o := &ownership{self: s.cfg.Sharing.Advertise, seats: make(map[sharing.Partition]*seat)}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o.cancel = cancel
	var all []sharing.Partition
	for _, c := range s.categories {
		for i, p := range c.partitions {
			at := sharing.Partition{Topic: c.topic, ID: int32(i)}
			all = append(all, at)
			seat := newSeat(p)
			o.seats[at] = seat
			o.keepers.Go(func() { seat.keep(run, s.cfg.Logger) })
		}
	}
	s.ownership.Store(o)
	var err error
	o.member, err = sharing.Join(ctx, sharing.Config{
		Client:     s.client,
		Group:      s.cfg.Sharing.Group,
		Address:    o.self,
		Partitions: all,
		Session:    s.cfg.Sharing.Session,
		Heartbeat:  s.cfg.Sharing.Heartbeat,
		Logger:     s.cfg.Logger,
		Owned:      o.owned,
		Assigned:   o.assigned,
		Outside:    o.outside,
	})
	if err == nil {
		o.keepers.Go(func() { o.leaveIfFailed(run, s.index) })
		err = o.settled(ctx)
	}
	return access.Explain(err, access.Need{Operation: access.Read, Resource: access.Group, Name: s.cfg.Sharing.Group})
}

// leaveIfFailed leaves the group when the index fails, so that others get the partitions: here
// nothing can be appended any more.
func (o *ownership) leaveIfFailed(ctx context.Context, idx *index.Store) {
	select {
	case <-idx.Failed():
		o.member.Close()
		o.outside(public(idx.Err()))
	case <-ctx.Done():
	}
}

func (o *ownership) owned() []sharing.Partition {
	var owned []sharing.Partition
	for at, seat := range o.seats {
		if seat.partition.Owned() {
			owned = append(owned, at)
		}
	}
	return owned
}

func (o *ownership) assigned(t sharing.Table) {
	o.mu.Lock()
	o.table, o.out = t, nil
	o.mu.Unlock()
	for at, seat := range o.seats {
		if t.Own[at] {
			seat.want(toOwn)
		} else {
			seat.want(toFollow)
		}
	}
}

// outside has the seats claim nothing: what this process still owns goes on until another one
// claims it, so that appending does not depend on the group's coordinator, and is not taken back
// then.
func (o *ownership) outside(err error) {
	o.mu.Lock()
	o.out = err
	o.mu.Unlock()
	for _, seat := range o.seats {
		seat.hold()
	}
}

// excluded returns why this process is not in the group.
func (o *ownership) excluded() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out
}

// settled waits for the first claims. One that failed is tried again later, unless the topic is
// corrupt, the index has failed, or the brokers refuse it for good.
func (o *ownership) settled(ctx context.Context) error {
	o.mu.Lock()
	assigned := o.table.Own
	o.mu.Unlock()
	for at := range assigned {
		seat := o.seats[at]
		if err := seat.await(ctx); err != nil {
			return err
		}
		var corrupt *CorruptError
		var failed *IndexError
		if err := public(seat.failure()); errors.As(err, &corrupt) || errors.As(err, &failed) || access.Final(err) {
			return err
		}
	}
	return nil
}

// named adds to a *NotOwnerError where the owner is.
func (o *ownership) named(err error) error {
	var no *NotOwnerError
	if o == nil || !errors.As(err, &no) {
		return err
	}
	if addr := o.address(sharing.Partition{Topic: no.Topic, ID: no.Partition}); addr != o.self {
		no.Owner = addr
	}
	return err
}

// address returns where the owner of a partition is, as the group sees it.
func (o *ownership) address(at sharing.Partition) string {
	if o == nil {
		return ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.table.Addresses[at]
}

// stop has the seats leave their partitions as they are, for good.
func (o *ownership) stop() {
	if o == nil {
		return
	}
	o.cancel()
	o.keepers.Wait()
}

// leave tells the group.
func (o *ownership) leave() {
	if o != nil && o.member != nil {
		o.member.Close()
	}
}

// duty is what a seat is to do with its partition.
type duty int

const (
	toFollow duty = iota // give it up, and follow it
	toOwn                // claim it, and claim it again if it is lost
	toHold               // go on as owner, but claim nothing
)

// seat does its duty to one partition.
type seat struct {
	partition storedPartition
	tried     chan struct{} // closed once the first claim has succeeded or failed, and err is set
	err       error

	mu      sync.Mutex
	duty    duty
	changed chan struct{}      // closed when the duty changes
	over    context.CancelFunc // of what is done for the duty; nil before the first
}

func newSeat(p storedPartition) *seat {
	return &seat{partition: p, tried: make(chan struct{}), changed: make(chan struct{})}
}

func (s *seat) want(d duty) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(d)
}

// hold has the seat own what it owns, and claim nothing.
func (s *seat) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.duty == toOwn {
		s.set(toHold)
	}
}

// set gives the seat a duty. The mutex is held.
func (s *seat) set(d duty) {
	if s.duty == d {
		return
	}
	s.duty = d
	close(s.changed)
	s.changed = make(chan struct{})
	if s.over != nil {
		s.over()
	}
}

// next returns the duty, and a context that ends when it changes.
func (s *seat) next(ctx context.Context) (context.Context, duty) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		s.over()
	}
	ctx, s.over = context.WithCancel(ctx)
	return ctx, s.duty
}

// await waits for the first claim, or until none is wanted any more, for then none may ever be
// made.
func (s *seat) await(ctx context.Context) error {
	for {
		s.mu.Lock()
		wanted, changed := s.duty == toOwn, s.changed
		s.mu.Unlock()
		if !wanted {
			return nil
		}
		select {
		case <-s.tried:
			return nil
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// failure returns why the first claim failed, or nil if it did not, or was not made yet.
func (s *seat) failure() error {
	select {
	case <-s.tried:
		return s.err
	default:
		return nil
	}
}

// claimPause is between two claims of a partition that was lost, or could not be claimed, though
// the group assigns it to this process: whoever else claims it has heard of the group's decision by
// then.
const claimPause = 200 * time.Millisecond

// keep does the seat's duty until ctx ends.
func (s *seat) keep(ctx context.Context, logger *slog.Logger) {
	for ctx.Err() == nil {
		wanted, duty := s.next(ctx)
		switch duty {
		case toOwn:
			s.own(wanted, logger)
			continue
		case toFollow:
			s.partition.Release(wanted)
		case toHold:
		}
		<-wanted.Done()
	}
}

// own claims the partition once, and returns when it is time to claim it again, or ctx ends.
func (s *seat) own(ctx context.Context, logger *slog.Logger) {
	err := s.partition.Own(ctx)
	select {
	case <-s.tried:
	default:
		s.err = err
		close(s.tried)
	}
	if err == nil {
		select {
		case <-s.partition.Lost():
		case <-ctx.Done():
			return
		}
	} else if ctx.Err() == nil {
		logger.Error("partition is not claimed yet", "error", err)
		if s.partition.Ended() { // there is nothing to wait for
			<-ctx.Done()
			return
		}
	}
	_ = clock.Wait(ctx, claimPause) // if it ends, something else is wanted
}
