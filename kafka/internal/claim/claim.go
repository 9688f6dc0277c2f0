package claim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/retry"
	"github.com/fencelog/fencelog/kafka/internal/rule"
)

// The bounds of claiming again after a claim that was interrupted. The pause is twice as long each
// time, and chance makes it shorter or longer. So processes that interrupt each other do not stay
// in step.
const (
	maxInterruptions     = 5
	interruptedPause     = 100 * time.Millisecond
	longInterruptedPause = 10 * time.Second
)

// Config is what a claim needs beside its follower.
type Config struct {
	rule.Config

	TransactionalID string
	RequestTimeout  time.Duration // a broker's time to replicate a batch
}

// Claim claims one partition for this process. Its owner's goroutine uses it. While AskTerm or
// Transact runs beside that goroutine, it calls nothing else that asks the coordinator.
type Claim struct {
	cfg         Config
	follower    *rule.Follower
	record      *Record
	coordinator *coordinator
	doubt       bool // the coordinator may have stored a renewal of the term and not said so
}

// New returns a claim that has not been made yet. The record is the follower's watcher.
func New(cfg Config, f *rule.Follower, r *Record) *Claim {
	return &Claim{cfg: cfg, follower: f, record: r, coordinator: newCoordinator(&cfg)}
}

// AskTerm asks the coordinator for a new term, and notes nothing: Given does. previous is the term
// that is renewed, or NoTerm for a claim that depends on none. doubt says that the coordinator may
// have stored a term that no answer told of.
func (c *Claim) AskTerm(ctx context.Context, previous index.Term) (term index.Term, doubt bool, err error) {
	return c.coordinator.initTerm(ctx, previous)
}

// Transact begins an empty transaction over the partition, and ends it by a commit or an abort. Its
// only trace is the marker.
func (c *Claim) Transact(ctx context.Context, term index.Term, commit bool) error {
	return c.coordinator.transact(ctx, term, commit)
}

// TookLate reports, once, whether the coordinator may yet take a late copy of a request to begin a
// transaction under the term. After a minute the coordinator aborts the transaction that the copy
// begins, and that fences the owner.
func (c *Claim) TookLate(term index.Term) bool {
	if c.coordinator.late != term {
		return false
	}
	c.coordinator.late = index.NoTerm()
	return true
}

// Drop closes the connection to the coordinator.
func (c *Claim) Drop() { c.coordinator.drop() }

// Lost returns the *[LostError] for a term.
func (c *Claim) Lost(term index.Term, cause error) error {
	return lostError(c.cfg.Topic, c.cfg.Partition, term, cause)
}

// Seize takes the partition from its owner, if it has one. Between its term and its marker a claim
// may be ended:
//
//   - by another process that claims as well;
//   - by the former owner, who has lost the partition, finds no marker of this claim, and claims
//     again (see regain in package partition);
//   - by the former owner when it asks for a renewal with its former term.
//
// A coordinator first aborts the open transaction, and then refuses such a renewal (seen on Kafka
// 3.5.1).
//
// In each case the caller should have the partition, so Seize makes the claim again. If several
// processes claim at the same time, all succeed, one after the other. The last one owns the
// partition.
func (c *Claim) Seize(ctx context.Context) (index.Term, error) {
	for n := 0; ; n++ {
		begun := clock.Reading()
		term, err := c.initTerm(ctx, index.NoTerm())
		if err == nil {
			if err = c.take(ctx, term); err == nil {
				return term, nil
			}
		} else {
			err = fmt.Errorf("claim %s partition %d: %w", c.cfg.Topic, c.cfg.Partition, err)
		}
		if errors.Is(err, errUsedTerm) && clock.Wait(ctx, retry.FirstPause) == nil {
			c.cfg.Logger.Error("transaction coordinator gives out a term again: it has lost what it knew; "+
				"the next one is asked for",
				"topic", c.cfg.Topic, "partition", c.cfg.Partition, "term", term.String())
			n--
			continue
		}
		var lost *LostError
		if !errors.As(err, &lost) || n == maxInterruptions {
			return term, err
		}
		if clock.Wait(ctx, afterInterruption(n, clock.Reading().Sub(begun))) != nil {
			return term, err
		}
		c.cfg.Logger.Warn("claim was interrupted and is made again", "topic", c.cfg.Topic, "partition", c.cfg.Partition,
			"term", term.String(), "error", err)
	}
}

// afterInterruption returns the pause after attempt n, counted from 0. It grows with what the
// attempt took: if several stores claim at the same time, one must finish while the others wait.
func afterInterruption(n int, took time.Duration) time.Duration {
	return around(min(max(interruptedPause, took)<<n, longInterruptedPause))
}

// around returns a duration between half of d and one and a half.
func around(d time.Duration) time.Duration { return d/2 + rand.N(d) } //nolint:gosec // it is no secret

// Again renews the claim under the newest term that this process was given.
//
// Invariant 1: the coordinator hands out each term once, to one process. Invariant 2: when this
// returns, the own marker has been read. So the index is exact, and no batch of another term that
// lands later can count.
func (c *Claim) Again(ctx context.Context) (index.Term, error) {
	term, err := c.initTerm(ctx, c.record.Newest())
	if c.RefusedForNobody(ctx, err) {
		term, err = c.afresh(ctx)
	}
	if err != nil {
		return term, fmt.Errorf("claim %s partition %d: %w", c.cfg.Topic, c.cfg.Partition, err)
	}
	return term, c.take(ctx, term)
}

// Reclaim claims the partition again after the claim was lost, or fails with a *LostError if
// somebody else owns the partition.
func (c *Claim) Reclaim(ctx context.Context) (index.Term, error) {
	term, err := c.afresh(ctx)
	if err != nil {
		return term, fmt.Errorf("claim %s partition %d again: %w", c.cfg.Topic, c.cfg.Partition, err)
	}
	return term, c.take(ctx, term)
}

// TakeFromQuiet claims the partition from another process that is quiet. signs is how much the
// caller had seen of others (see [Record.Signs]). When the coordinator has ended all that came
// before, TakeFromQuiet reads to the end of the log. It fails with a *[LostError] if the log shows
// more than signs: somebody else has claimed, or goes on.
func (c *Claim) TakeFromQuiet(ctx context.Context, signs int64) (index.Term, error) {
	term, err := c.initTerm(ctx, index.NoTerm())
	if err == nil {
		err = c.follower.FollowToEnd(ctx)
	}
	if err == nil && c.record.signs != signs {
		err = lostError(c.cfg.Topic, c.cfg.Partition, c.record.own, ErrOvertaken)
	}
	if err != nil {
		return term, fmt.Errorf("claim %s partition %d from a quiet owner: %w", c.cfg.Topic, c.cfg.Partition, err)
	}
	return term, c.take(ctx, term)
}

// initTerm asks the coordinator for a new term, and notes it.
func (c *Claim) initTerm(ctx context.Context, previous index.Term) (index.Term, error) {
	term, doubt, err := c.coordinator.initTerm(ctx, previous)
	c.Given(term, doubt, err)
	return term, err
}

// Given takes note of what the coordinator answered.
func (c *Claim) Given(term index.Term, doubt bool, err error) {
	c.doubt = c.doubt || doubt
	if err == nil {
		c.record.Give(term)
	}
}

// RefusedForNobody reports whether the own term was refused though nobody else has claimed. That
// can happen in two ways. In the first the coordinator has stored a renewal, and its answer was
// lost. After a restart it has forgotten the term before, and refuses the next attempt. In the
// second it has forgotten the transactional id altogether.
//
// The log tells. Another process that had claimed would have left a marker. One that is about to
// claim has a term already. It leaves its marker, or the coordinator refuses its request for the
// marker, because the own new term came later. Then it owned nothing yet.
func (c *Claim) RefusedForNobody(ctx context.Context, err error) bool {
	var lost *LostError
	if !errors.As(err, &lost) || !c.doubt && !forgotten(err) {
		return false
	}
	c.cfg.Logger.Warn("the renewal of a claim is refused, perhaps because of an own attempt or one that was "+
		"forgotten; the log decides",
		"topic", c.cfg.Topic, "partition", c.cfg.Partition, "error", err)
	return c.follower.FollowToEnd(ctx) == nil && c.record.Undisputed() && c.cfg.Index.Checkpoint().Term == c.record.own
}

// afresh gets a term that does not depend on the own one. It is for a partition that nobody else
// owns, as far as it was read. It fails with a *LostError if somebody does.
func (c *Claim) afresh(ctx context.Context) (index.Term, error) {
	term, err := c.initTerm(ctx, index.NoTerm())
	if err == nil {
		err = c.UnlessTaken(ctx)
	}
	return term, err
}

// UnlessTaken fails with a *LostError if somebody else owns the partition. The caller has got a
// term that was no renewal, and has not asked for its marker yet. Only the marker takes a partition
// from its owner.
//
// By then the coordinator has ended all that came before the term. If another process's claim
// succeeded, its marker is in the log, before the end that the leader tells now. If that claim had
// no marker yet, it did not succeed and never will. If it comes after the term, the coordinator
// refuses the own marker. So no live owner loses the partition.
func (c *Claim) UnlessTaken(ctx context.Context) error {
	if err := c.follower.FollowToEnd(ctx); err != nil {
		return err
	}
	if !c.record.Undisputed() {
		return lostError(c.cfg.Topic, c.cfg.Partition, c.record.own, ErrOvertaken)
	}
	return nil
}

// errUsedTerm says that the coordinator gave out a term that had a marker before, against invariant
// 1. Its next ones are greater.
var errUsedTerm = errors.New("the transaction coordinator gave out a term that had begun before: " +
	"it has lost what it knew")

// ErrOvertaken is the cause of a *[LostError] that the log shows.
var ErrOvertaken = errors.New("the log holds a later marker, of another process")

// take puts the term's marker into the partition and reads on to it. It begins to read while it
// asks the coordinator. So the time to connect to the leader and to read is not added to the
// coordinator's. Reading ends at the marker, whenever that comes. So it does not matter which of
// the two is done first.
func (c *Claim) take(ctx context.Context, term index.Term) error {
	defer c.coordinator.drop()
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	asked := make(chan error, 1)
	go func() {
		err := c.coordinator.transact(ctx, term, true)
		if err != nil {
			stop(err) // no marker may come
		}
		asked <- err
	}()
	// a coordinator whose disks were restored gives out a term that the index has read
	from := c.cfg.Index.Checkpoint().Next
	read := c.follower.Follow(reading, func(index.Checkpoint) bool {
		return c.follower.Marker().Term == term && c.follower.Marker().Offset >= from || c.cfg.Broken.NoMarkerWait
	})
	err := <-asked // also after reading has failed: the transaction should not stay open
	if err == nil {
		err = read
	}
	if err == nil && !c.follower.Marker().Began && !c.cfg.Broken.NoMarkerWait && !c.cfg.Broken.TermsRevive {
		err = lostError(c.cfg.Topic, c.cfg.Partition, term, errUsedTerm)
	}
	if err != nil {
		return fmt.Errorf("claim %s partition %d: %w", c.cfg.Topic, c.cfg.Partition, err)
	}
	return nil
}

// Begun notes that the owner goes on under a term whose marker was read.
func (c *Claim) Begun(term index.Term) {
	c.doubt = false
	c.cfg.Logger.Info("partition claimed", "topic", c.cfg.Topic, "partition", c.cfg.Partition,
		"term", term.String(), "offset", c.cfg.Index.Checkpoint().Next)
}
