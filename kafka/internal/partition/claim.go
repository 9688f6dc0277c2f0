package partition

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// The bounds of claiming again after a claim that was interrupted. The pause is twice as long each time, and drawn from
// around that: so those who interrupt each other part.
const (
	maxInterruptions     = 5
	interruptedPause     = 100 * time.Millisecond
	longInterruptedPause = 10 * time.Second
)

// seize takes the partition from whoever has it. Between its term and its marker a claim may be ended:
//
//   - by another process that claims as well;
//   - by the owner of before, who has lost the partition to this claim, finds no marker of it after a while, and claims
//     again: see [Partition.regain];
//   - by that owner as well when it asks for a renewal with its term of before: a coordinator first aborts the
//     transaction that is open, and then refuses (seen on Kafka 3.5.1).
//
// In each case whoever asked for the claim is to have the partition, so it is made again. Of several that claim at the
// same time all succeed, one after the other, and the last one owns the partition.
func (o *Owner) seize(ctx context.Context) error {
	for n := 0; ; n++ {
		begun := clock.Reading()
		term, err := o.initTerm(ctx, index.NoTerm())
		if err == nil {
			err = o.take(ctx, term)
		} else {
			err = fmt.Errorf("claim %s partition %d: %w", o.cfg.Topic, o.cfg.Partition, err)
		}
		if errors.Is(err, errUsedTerm) && clock.Wait(ctx, retry.FirstPause) == nil {
			o.cfg.Logger.Error("transaction coordinator gives out a term again: it has lost what it knew; the next one is asked for",
				"topic", o.cfg.Topic, "partition", o.cfg.Partition, "term", term.String())
			n--
			continue
		}
		var lost *LostError
		if !errors.As(err, &lost) || n == maxInterruptions {
			return err
		}
		if clock.Wait(ctx, afterInterruption(n, clock.Reading().Sub(begun))) != nil {
			return err
		}
		o.cfg.Logger.Warn("claim was interrupted and is made again", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
			"term", term.String(), "error", err)
	}
}

// afterInterruption returns the pause after attempt n, counted from 0. It grows with what the attempt took: if several
// stores claim at the same time, one must finish while the others wait.
func afterInterruption(n int, took time.Duration) time.Duration {
	return around(min(max(interruptedPause, took)<<n, longInterruptedPause))
}

// around returns a duration between half of d and one and a half.
func around(d time.Duration) time.Duration { return d/2 + rand.N(d) } //nolint:gosec // it is no secret

// claim makes this process the only writer of the partition and reads all that was written before.
// previous is the term of the claim that is renewed.
//
// Invariant 1: the coordinator hands out each term once, to one process. Invariant 2: when claim returns, the own
// marker has been read, so the index is exact, and no batch of another term that lands later can count.
func (o *Owner) claim(ctx context.Context, previous index.Term) error {
	term, err := o.initTerm(ctx, previous)
	if o.refusedForNobody(ctx, err) {
		term, err = o.afresh(ctx)
	}
	if err != nil {
		return fmt.Errorf("claim %s partition %d: %w", o.cfg.Topic, o.cfg.Partition, err)
	}
	return o.take(ctx, term)
}

// reclaim claims the partition again after the claim was lost, or fails with a *LostError if somebody else owns the partition.
func (o *Owner) reclaim(ctx context.Context) error {
	term, err := o.afresh(ctx)
	if err != nil {
		return fmt.Errorf("claim %s partition %d again: %w", o.cfg.Topic, o.cfg.Partition, err)
	}
	return o.take(ctx, term)
}

// claimUnlessHeard claims the partition from another process that is quiet. It fails with a *LostError if the log shows more of others than signs
// when the coordinator has ended all that came before: somebody else has claimed then, or goes on.
func (o *Owner) claimUnlessHeard(ctx context.Context, signs int64) error {
	term, err := o.initTerm(ctx, index.NoTerm())
	if err == nil {
		err = o.followToEnd(ctx)
	}
	if err == nil && o.claims.signs != signs {
		err = lostError(o.cfg.Topic, o.cfg.Partition, o.claims.own, errOvertaken)
	}
	if err != nil {
		return fmt.Errorf("claim %s partition %d from a quiet owner: %w", o.cfg.Topic, o.cfg.Partition, err)
	}
	return o.take(ctx, term)
}

// initTerm has the coordinator give out a new term.
func (o *Owner) initTerm(ctx context.Context, previous index.Term) (index.Term, error) {
	term, doubt, err := o.coordinator.initTerm(ctx, previous)
	o.given(term, doubt, err)
	return term, err
}

// given takes note of what the coordinator answered.
func (o *Owner) given(term index.Term, doubt bool, err error) {
	o.doubt = o.doubt || doubt
	if err == nil {
		o.claims.give(term)
	}
}

// refusedForNobody reports whether the own term was refused though nobody else has claimed. There are two ways to this. A
// coordinator may store a renewal whose answer is lost; after a restart it has forgotten which term came before, and
// refuses the attempt that follows. Or it has forgotten the transactional id altogether. The log tells: who else had claimed
// would have left a marker. Who is about to has a term already, and leaves his marker, or is refused when he asks for it because
// the own new term came later: he owned nothing yet.
func (o *Owner) refusedForNobody(ctx context.Context, err error) bool {
	var lost *LostError
	if !errors.As(err, &lost) || !o.doubt && !forgotten(err) {
		return false
	}
	o.cfg.Logger.Warn("the renewal of a claim is refused, perhaps because of an own attempt or one that was forgotten; the log decides",
		"topic", o.cfg.Topic, "partition", o.cfg.Partition, "error", err)
	return o.followToEnd(ctx) == nil && o.claims.undisputed() && o.cfg.Index.Checkpoint().Term == o.claims.own
}

// afresh gets a term that does not depend on the own one, for a partition that nobody else owns as far as it was read. It fails
// with a *LostError if somebody does.
func (o *Owner) afresh(ctx context.Context) (index.Term, error) {
	term, err := o.initTerm(ctx, index.NoTerm())
	if err == nil {
		err = o.unlessTaken(ctx)
	}
	return term, err
}

// unlessTaken fails with a *LostError if somebody else owns the partition. It is asked between getting a term that was not a
// renewal and asking for its marker, which alone takes a partition from its owner.
//
// By then the coordinator has ended all that came before the term: a claim of somebody else's that succeeded has its marker in the log, below the
// end that the leader tells now. One that had no marker yet did not succeed, and never will. One that comes after the term
// makes the coordinator refuse the marker. So a live owner is not taken from.
func (o *Owner) unlessTaken(ctx context.Context) error {
	if err := o.followToEnd(ctx); err != nil {
		return err
	}
	if !o.claims.undisputed() {
		return lostError(o.cfg.Topic, o.cfg.Partition, o.claims.own, errOvertaken)
	}
	return nil
}

// errUsedTerm says that the coordinator gave out a term that had a marker before, against invariant 1. Its next ones are greater.
var errUsedTerm = errors.New("the transaction coordinator gave out a term that had begun before: it has lost what it knew")

var errOvertaken = errors.New("the log holds a later marker, of another process")

// take puts the term's marker into the partition and reads on to it. Reading begins while the coordinator is asked, so that connecting to the leader and
// what was written since the index's checkpoint cost no time of their own. It ends at the marker, whenever that comes, so nothing rests on which is first.
func (o *Owner) take(ctx context.Context, term index.Term) error {
	defer o.coordinator.drop()
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	asked := make(chan error, 1)
	go func() {
		err := o.coordinator.transact(ctx, term, true)
		if err != nil {
			stop(err) // no marker may come
		}
		asked <- err
	}()
	from := o.cfg.Index.Checkpoint().Next // a coordinator whose disks were restored gives out a term that the index has read
	read := o.follow(reading, func(index.Checkpoint) bool {
		return o.marker.Term == term && o.marker.Offset >= from || o.cfg.Broken.NoMarkerWait
	})
	err := <-asked // also where reading failed: the transaction should not be left open
	if err == nil {
		err = read
	}
	if err == nil && !o.marker.Began && !o.cfg.Broken.NoMarkerWait && !o.cfg.Broken.TermsRevive {
		err = lostError(o.cfg.Topic, o.cfg.Partition, term, errUsedTerm)
	}
	if err != nil {
		return fmt.Errorf("claim %s partition %d: %w", o.cfg.Topic, o.cfg.Partition, err)
	}
	o.begin(term)
	return nil
}

// begin goes on under a term whose marker was read.
func (o *Owner) begin(term index.Term) {
	o.term, o.sequence, o.doubt = term, 0, false
	o.barrier = barrier{recent: o.barrier.recent}
	o.proofs.renew()
	o.cfg.Logger.Info("partition claimed", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
		"term", term.String(), "offset", o.cfg.Index.Checkpoint().Next)
}
