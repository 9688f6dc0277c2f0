package owner

import (
	"context"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// lookEvery is the time between two looks of an idle owner at the end of its partition. An owner
// that has appended in between needs no look, as the witness of each batch says more.
const lookEvery = 2 * time.Second

// look is what an idle owner does: it asks where the partition ends, and reads on if that is not
// where its own writing ended. A process that claims the partition does not tell the former owner.
// Without a look, the former owner would not read what the new one appends. It would read on only
// when somebody appends here, or when it renews its claim.
//
// look fails if the index has failed, so that another process, which can append, may claim the
// partition. It fails if somebody claimed later: then the marker has a newer epoch of the own
// producer id. After a marker of another producer id, the owner renews the claim. The coordinator
// refuses that if another process has claimed. If the transaction of a foreign program left the
// marker, the owner needs a new marker of its term before its next batch counts.
func (o *Owner) look(ctx context.Context) error {
	if o.asking == nil && !o.barrier.recent {
		o.claim.Drop()
	}
	o.barrier.recent = false
	if err := o.cfg.Index.Err(); err != nil {
		return err
	}
	if o.wrote || o.cfg.Broken.NeverLooks {
		o.wrote = false
		return nil
	}
	end, err := o.follower.EndNow(ctx)
	next := o.cfg.Index.Checkpoint().Next
	switch {
	case log.IsCorrupt(err):
		return err
	case err == nil && end < next: // a leader that was deposed, or a log that was cut
		o.follower.Suspect()
		o.follower.Reset()
		return nil
	case err != nil || end == next:
		return nil //nolint:nilerr // it was logged, and the next look or append asks again
	}
	err = o.follower.Follow(ctx, func(c index.Checkpoint) bool { return c.Next >= end || o.overtakenBy(c.Term) })
	switch {
	case log.IsCorrupt(err):
		return err
	case err != nil && retry.KindOf(err) != retry.Passing:
		o.cfg.Logger.Warn("owner cannot read what others wrote", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
			"error", err)
		return nil // its own batches are not refused yet
	case err != nil:
		return fmt.Errorf("read on to offset %d: %w", end, err)
	}
	return o.otherTerm(ctx)
}

// otherTerm goes on after the owner has read on. It looks at the term that the log has now. It
// fails if another process has that term from a later claim.
func (o *Owner) otherTerm(ctx context.Context) error {
	switch last := o.cfg.Index.Checkpoint().Term; {
	case o.adopt(), last == o.term:
		return nil
	case o.overtakenBy(last):
		return o.claim.Lost(o.term, claim.ErrOvertaken)
	default:
		return o.renew(ctx)
	}
}

// overtakenBy reports whether the term can only be that of another process's later claim.
func (o *Owner) overtakenBy(term index.Term) bool {
	return term.ProducerID == o.term.ProducerID && term.Epoch > o.term.Epoch && !o.record.Mine(term)
}
