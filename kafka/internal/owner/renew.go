package owner

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// The owner renews its claim so that neither the coordinator nor the partition's leader forgets it.
// They forget after transactional.id.expiration.ms and producer.id.expiration.ms. A renewal also
// tells an idle owner if somebody claimed later.
//
// Another goroutine asks the coordinator, and the owner's goroutine goes on to append under the
// term that it has. The leader takes its batches until it has appended the new term's marker, and
// up to the marker they count. Only the log says where the marker is. The owner finds it when it
// looks for it after the coordinator's answer, or in the gap before a batch. Then it goes on under
// the new term, and writes again what does not count. If the leader refuses a batch because of the
// marker, the owner claims again.

// markerTime bounds how long appends wait while the owner looks for the marker of its renewal. It
// usually takes milliseconds.
const markerTime = time.Second

// answer is the coordinator's answer to one step. A renewal has two steps, first a term and then
// its marker. A barrier has one.
type answer struct {
	term    index.Term
	fresh   bool // the term does not depend on the own one
	marked  bool // the step asked for its marker
	doubt   bool
	barrier bool
	err     error
}

// renew begins to renew the claim, unless a renewal or a barrier is under way.
func (o *Owner) renew(ctx context.Context) error {
	if o.asking == nil {
		o.nextTerm(ctx, o.record.Newest())
	}
	return nil
}

// asked goes on after an answer of the coordinator.
func (o *Owner) asked(ctx context.Context, a answer) error {
	if a.barrier {
		return o.barred(ctx, a)
	}
	return o.renewed(ctx, a)
}

func (o *Owner) nextTerm(ctx context.Context, previous index.Term) {
	o.beside(ctx, func(ctx context.Context) answer {
		r := answer{fresh: previous == index.NoTerm()}
		r.term, r.doubt, r.err = o.claim.AskTerm(ctx, previous)
		return r
	})
}

// beside takes a step beside the owner's goroutine. Only that goroutine ends the step: see
// stepOver, barred, endBarrier and endRenewal.
func (o *Owner) beside(ctx context.Context, step func(context.Context) answer) {
	ctx, o.stopAsking = context.WithCancel(ctx)
	answers := make(chan answer, 1)
	o.asking = answers
	go func() { answers <- step(ctx) }()
}

// renewed goes on with the renewal after an answer. It fails if the claim is lost. After any other
// refusal the claim stays as it is, because the log and not the coordinator makes it count.
func (o *Owner) renewed(ctx context.Context, r answer) error {
	o.stepOver(r)
	var lost *claim.LostError
	switch {
	case !r.fresh && !r.marked && o.claim.RefusedForNobody(ctx, r.err):
		o.nextTerm(ctx, index.NoTerm())
	case errors.As(r.err, &lost):
		return r.err
	case r.err != nil:
		o.claim.Drop()
		o.proofs.fail(o.barrier.number, r.err) // the renewal may have taken a barrier's place
		o.cfg.Logger.Warn("claim is not renewed yet", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
			"error", r.err)
	case r.marked:
		o.claim.Drop()
		return o.awaitMarker(ctx)
	default:
		if r.fresh {
			if err := o.claim.UnlessTaken(ctx); err != nil {
				return err
			}
		}
		o.beside(ctx, func(ctx context.Context) answer {
			return answer{term: r.term, marked: true, err: o.claim.Transact(ctx, r.term, true)}
		})
	}
	return nil
}

// stepOver takes note of the answer.
func (o *Owner) stepOver(r answer) {
	o.stopAsking()
	o.asking = nil
	if !r.marked {
		o.claim.Given(r.term, r.doubt, r.err)
	}
}

// awaitMarker reads on to the marker of the renewal. If the marker is not there soon, the owner
// finds it later.
func (o *Owner) awaitMarker(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, markerTime)
	defer cancel()
	awaited := o.record.Newest()
	err := o.follower.Follow(short, func(c index.Checkpoint) bool {
		// Another process's marker may have been read before, and the owner does not wait for that
		// one.
		return c.Term == awaited || o.record.Own() == awaited || o.overtakenBy(c.Term)
	})
	var corrupt *log.CorruptError
	if errors.As(err, &corrupt) {
		return err
	}
	if !o.adopt() {
		o.cfg.Logger.Warn("the marker of a renewed claim is not in the partition yet",
			"topic", o.cfg.Topic, "partition", o.cfg.Partition, "term", o.record.Newest().String(), "error", err)
	}
	return nil
}

// adopt goes on under the term of a renewal if its marker is the last one that was read, and
// reports whether it does. Then the index is exact (invariant 2): nothing of the former term counts
// any more, and all that counted was read.
func (o *Owner) adopt() bool {
	last := o.cfg.Index.Checkpoint().Term
	if last == o.term || !o.record.Mine(last) {
		return false
	}
	o.begin(last)
	return true
}

// finishRenewal waits for the coordinator's answer to the step under way. It fails with a
// *claim.LostError if the step got a new term, and somebody else owns the partition.
func (o *Owner) finishRenewal(ctx context.Context) error {
	if o.asking == nil {
		return nil
	}
	if o.barrier.underWay {
		o.endBarrier()
		return nil
	}
	r := <-o.asking // comes at the latest when ctx ends, as the step has the same ctx
	o.stepOver(r)
	if r.fresh && r.err == nil {
		return o.claim.UnlessTaken(ctx)
	}
	return nil
}

// endRenewal ends the step under way, whose answer nobody needs any more.
func (o *Owner) endRenewal() {
	if o.asking != nil {
		o.stopAsking()
		<-o.asking
		o.asking = nil
	}
	o.claim.Drop()
}
