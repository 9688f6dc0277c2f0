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
// nil ownership does nothing.
type ownership struct {
	member  *sharing.Member
	self    string
	seats   map[sharing.Partition]*seat
	cancel  context.CancelFunc
	keepers sync.WaitGroup

	mu    sync.Mutex
	table sharing.Table // the newest one
	out   error         // why this process is not in the group; nil if it is
}

// share joins the group, and returns once it has claimed the partitions that the group assigned to
// this process. The caller must stop and leave the ownership even if share fails.
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

// leaveIfFailed leaves the group when the index fails, because this process can no longer append.
// Then others get the partitions.
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

// outside makes the seats claim nothing. This process still owns a partition until another process
// claims it, so appending does not depend on the group's coordinator. Once another process has
// claimed the partition, the seat does not take it back.
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

// settled waits for the first claims. A seat tries a failed claim again later, unless the topic is
// corrupt, the index has failed, or the brokers refuse the claim for good.
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

// named adds the owner's address to a *NotOwnerError.
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

// address returns the address of a partition's owner, as the group sees it.
func (o *ownership) address(at sharing.Partition) string {
	if o == nil {
		return ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.table.Addresses[at]
}

// stop makes the seats leave their partitions as they are, for good.
func (o *ownership) stop() {
	if o == nil {
		return
	}
	o.cancel()
	o.keepers.Wait()
}

// leave makes this process leave the group.
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
	tried     chan struct{} // closed when the first claim has succeeded or failed; err is set before
	err       error

	mu      sync.Mutex
	duty    duty
	changed chan struct{}      // closed when the duty changes
	over    context.CancelFunc // ends the work for the duty; nil before the first
}

func newSeat(p storedPartition) *seat {
	return &seat{partition: p, tried: make(chan struct{}), changed: make(chan struct{})}
}

func (s *seat) want(d duty) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(d)
}

// hold makes the seat keep what it owns, and claim nothing.
func (s *seat) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.duty == toOwn {
		s.set(toHold)
	}
}

// set gives the seat a duty. The caller holds the mutex.
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

// await waits for the first claim. It also returns when the seat no longer wants a claim, because
// then there may never be one.
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

// failure returns why the first claim failed. It returns nil if the claim succeeded, or if there
// was none yet.
func (s *seat) failure() error {
	select {
	case <-s.tried:
		return s.err
	default:
		return nil
	}
}

// claimPause is the time between two claims of a partition that the group assigns to this process.
// The seat claims again if it has lost the partition, or could not claim it. Another process that
// claims it, too, has heard of the group's decision by then.
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

// own claims the partition once. It returns when it is time to claim it again, or when ctx ends.
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
	_ = clock.Wait(ctx, claimPause) // if ctx ends, the seat has another duty
}
