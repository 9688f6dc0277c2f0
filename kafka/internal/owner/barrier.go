package owner

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/retry"
	"github.com/fencelog/fencelog/kafka/internal/rule"
)

// A barrier shows that the owner still owns the partition when there is nothing to append. It is an
// empty transaction under the term that the owner has. The coordinator refuses it if another claim
// of the same transactional id has overtaken the owner. Against any other process the log decides:
// the transaction's marker counts only if no other term's marker is before it.
//
// Another goroutine asks the coordinator, and the owner's goroutine goes on to append. A batch that
// it begins meanwhile answers those who wait, too. Only the owner's goroutine reads on to the
// marker. No caller's context ends a barrier. That would leave its transaction open, and the
// coordinator would abort it under an epoch that fences the owner. So the owner asks the
// coordinator until it answers. If the coordinator refuses, the owner renews the claim. That ends
// the transaction, and tells whether somebody else has claimed.
//
// Markers of one term look alike, and a coordinator may write one twice. So the barriers of a term
// end with an abort and with a commit in turn. The owner reads on to the end that the leader tells
// after the coordinator's answer. So it does not take a second copy of the marker before for the
// one that it waits for.

// barrierWait bounds how long appends wait for a marker that the coordinator has not written yet.
// Between two looks for the marker the owner pauses, and appends go on.
const barrierWait = 25 * time.Millisecond

// barrier is the owner's barrier that is under way, or was last.
type barrier struct {
	underWay bool
	number   uint64        // of proofs; 0 if none was begun under this term
	from     int64         // the index's next offset when it began
	aborts   bool          // how its transaction ends
	answered bool          // by the coordinator; the owner looks for the marker
	recent   bool          // there was one since the last look
	pause    time.Duration // before the next look for its marker
	told     func(error)
}

// awaited reports whether the last marker of its kind is the barrier's.
func (b *barrier) awaited(m rule.Marker, term index.Term) bool {
	return m.Term == term && m.Offset >= b.from
}

// over is called when the barrier has ended, with success or with err.
func (b *barrier) over(err error) {
	b.underWay = false
	b.told(err)
}

// bar begins a barrier. If a renewal was not completed, the coordinator knows another term than the
// owner writes under. Then another renewal takes the barrier's place.
func (o *Owner) bar(ctx context.Context) error {
	b := &o.barrier
	b.number = o.proofs.begin() // of a renewal as well: if it is refused, those who wait are told
	if o.record.Newest() != o.term {
		return o.renew(ctx)
	}
	b.from, b.aborts, b.pause = o.cfg.Index.Checkpoint().Next, !b.aborts, retry.FirstPause
	b.underWay, b.recent, b.answered, b.told = true, true, false, o.cfg.Observer.barring()
	term, commits := o.term, !b.aborts
	o.beside(ctx, func(ctx context.Context) answer {
		return answer{barrier: true, err: o.claim.Transact(ctx, term, commits)}
	})
	return nil
}

// barred goes on with the barrier after the coordinator's answer. It fails if the claim is lost.
func (o *Owner) barred(ctx context.Context, a answer) error {
	o.stopAsking()
	o.asking = nil
	b := &o.barrier
	if a.err != nil {
		b.over(a.err)
		return o.refused(ctx, a.err)
	}
	found, err := o.readToMarker(ctx)
	switch {
	case err != nil:
		b.over(err)
		return err
	case o.cfg.Index.Checkpoint().Term != o.term:
		b.over(claim.ErrOvertaken)
		return o.otherTerm(ctx)
	case found:
		o.proofs.count(b.number)
		b.over(nil)
	default: // the marker will come
		b.answered = true
		pause := b.pause
		b.pause = min(2*pause, retry.LongPause)
		o.beside(ctx, func(ctx context.Context) answer {
			return answer{barrier: true, err: clock.Wait(ctx, pause)}
		})
	}
	return nil
}

// readToMarker reads on to the barrier's marker and to the end that the leader tells, and reports
// whether it found the marker. It gives up after a moment, as appends wait meanwhile.
func (o *Owner) readToMarker(ctx context.Context) (found bool, err error) {
	short, cancel := context.WithTimeout(ctx, markerTime)
	defer cancel()
	defer o.follower.WaitFor(barrierWait)()
	began := clock.Reading()
	err = o.follower.Follow(short, func(c index.Checkpoint) bool {
		atEnd := c.Next >= o.follower.High()
		found = atEnd && o.barrier.awaited(o.follower.LastMarker(o.barrier.aborts), o.term)
		return found || c.Term != o.term || atEnd && time.Since(began) >= barrierWait
	})
	switch {
	case err == nil:
		return found, nil
	case short.Err() == nil && retry.KindOf(err) == retry.Passing: // the index, or the partition's content
		return false, err
	}
	o.cfg.Logger.Debug("the marker of a barrier is not read yet", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
		"error", err)
	return false, nil
}

// refused goes on after the coordinator has refused a barrier. It renews the claim, and that tells
// why the barrier was refused. But if a later claim fences the owner, it does not: a renewal would
// abort that claim's transaction (seen on Kafka 3.5.1 and 4.3.1). A barrier that ends with the
// owner is not refused.
func (o *Owner) refused(ctx context.Context, err error) error {
	if context.Cause(ctx) != nil {
		return nil //nolint:nilerr // the owner ends, and tells everybody why
	}
	var lost *claim.LostError
	if errors.As(err, &lost) {
		if !o.claim.RefusedForNobody(ctx, err) {
			return lost
		}
		o.nextTerm(ctx, index.NoTerm())
		return nil
	}
	o.cfg.Logger.Warn("a barrier is refused, and the claim renewed", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
		"error", err)
	if retry.KindOf(err) == retry.Refused { // for a permission, say: those who wait are told before the renewal
		o.proofs.fail(o.barrier.number, err)
	}
	return o.renew(ctx)
}

var errBarrierEnded = errors.New("the claim is made again, which takes the barrier's place")

// endBarrier waits until the coordinator has ended the transaction of the barrier under way, or
// until the owner is stopped. If an owner asks for a new term while its own transaction is open, a
// coordinator fences it (seen on Kafka 3.5.1).
func (o *Owner) endBarrier() {
	if o.barrier.answered { // then a pause is under way
		o.stopAsking()
	}
	<-o.asking
	o.stopAsking()
	o.asking = nil
	o.barrier.over(errBarrierEnded)
}
