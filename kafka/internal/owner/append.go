package owner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/retry"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// maxRewrites is how often the commits of one batch are written under renewed claims.
const maxRewrites = 8

// settleTime bounds how long a fenced owner reads on to learn the fate of a batch.
const settleTime = 10 * time.Second

// process answers all the commits, whatever happens. An error means that the owner can append no
// more.
func (o *Owner) process(ctx context.Context, commits []*line.Commit) error {
	b := batches.Get().(*batch)
	defer func() {
		b.reset()
		batches.Put(b)
	}()
	for range maxRewrites {
		err := o.check(b, commits)
		if err != nil {
			return o.giveUp(b.all(), err)
		}
		if len(b.writes) == 0 {
			return nil
		}
		err = o.write(ctx, b)
		if err == nil {
			o.answerAll(b)
			return nil
		}
		left := b.all()
		var no *RefusedError
		switch {
		case errors.Is(err, errClaimAgain), errors.Is(err, errWriteAgain):
			if errors.Is(err, errClaimAgain) {
				if err := o.claimAgain(ctx); err != nil {
					return o.giveUp(left, err)
				}
			}
			landed, err := o.landed(b)
			if err != nil {
				return o.giveUp(left, err)
			}
			if landed {
				o.answerAll(b)
				return nil
			}
			commits = left
		case errors.As(err, &no) && len(left) == 1:
			o.queue.Answer(line.Answer{Commit: left[0], Err: err})
			return nil
		case errors.As(err, &no):
			for i, c := range left { // one of them is the reason, so each is tried alone
				if err := o.process(ctx, []*line.Commit{c}); err != nil {
					return o.giveUp(left[i+1:], err)
				}
			}
			return nil
		default:
			return o.giveUp(left, err)
		}
	}
	// the last claim succeeded, so the index says which of these are stored; other commits may
	// succeed
	_ = o.giveUp(commits, errGaveUp)
	return nil
}

// answerAll answers the commits of a batch whose writes are in the index.
func (o *Owner) answerAll(b *batch) {
	end := b.base
	for _, c := range b.writes {
		records := c.Records()
		end += int64(len(records))
		at := event.Position{Partition: o.cfg.Partition, Offset: end - 1}
		r := resultOf(c, at, records[len(records)-1].Timestamp)
		b.answers = append(b.answers, line.Answer{Commit: c, Result: r})
	}
	for _, c := range b.repeats {
		first := b.answers[b.first[c]]
		r, err := o.repeating(c, first.Result, first.Commit.Digest())
		b.answers = append(b.answers, line.Answer{Commit: c, Result: r, Err: err})
	}
	for _, c := range b.conflicts {
		b.answers = append(b.answers, line.Answer{Commit: c, Err: b.why[c]})
	}
	o.queue.Answer(b.answers...)
}

// errClaimAgain: the batch does not count and never will, or the broker does not know this producer
// any more. After the next claim the log decides.
var errClaimAgain = errors.New("claim again")

// errWriteAgain: an own renewal has changed the term under the batch. The index decides, as it is
// now.
var errWriteAgain = errors.New("write again under the renewed claim")

// write appends the batch's writes and applies them to the index. If it returns nil, they are
// stored and applied.
//
// Invariant 5 (the witness): the batch starts at the index's next offset if and only if, when check
// ran, the index held all before it. If the batch starts later, the owner first reads what is in
// between, and the reader rule decides.
func (o *Owner) write(ctx context.Context, b *batch) error {
	at := o.cfg.Index.Checkpoint()
	// the index has read a later marker, and after it nothing of this term counts
	if at.Term != o.term && !o.cfg.Broken.NoMarkerWait {
		if o.adopt() {
			return errWriteAgain
		}
		return errClaimAgain
	}
	wrote := o.cfg.Observer.writing(len(b.writes), len(b.records))
	number := o.proofs.begin()
	sent := clock.Reading()
	w := writers.Get().(*wire.Writer)
	defer writers.Put(w)
	batch, err := w.Batch(o.cfg.Codec, o.term, o.sequence, b.records)
	var base int64
	if err == nil {
		base, err = o.send(ctx, batch)
	}
	o.linger.answered, o.linger.took = len(b.writes), time.Since(sent)
	wrote(err)
	if err != nil {
		return err
	}
	end := base + int64(len(b.records))
	switch {
	case base < at.Next: // the broker says that it is stored
		return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown,
			o.follower.Corrupt(base, fmt.Sprintf("the broker put a batch here that belongs at offset %d or later",
				at.Next)))
	case base > at.Next && !o.cfg.Broken.NoWitness:
		o.between(ctx, at.Next, base)
		if err := o.follower.Follow(ctx, func(c index.Checkpoint) bool { return c.Next >= end }); err != nil {
			return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err) // stored, but not known to count
		}
		if o.adopt() {
			return errWriteAgain
		}
		if o.cfg.Index.Checkpoint().Term != o.term {
			return errClaimAgain
		}
		if base, err = o.mustCount(b, base); err != nil {
			return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
		}
	default:
		latest := at.Time
		for i := range b.records {
			b.records[i].Position = event.Position{Partition: o.cfg.Partition, Offset: base + int64(i)}
			latest = max(latest, index.TimeOf(b.records[i].Timestamp))
		}
		after := index.Checkpoint{Next: end, Term: o.term, Last: batch.Fingerprint(base), Time: latest}
		if err := o.follower.Apply(index.Change{Records: b.records, Checkpoint: after}); err != nil {
			return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err) // stored, but not in this index
		}
	}
	o.sequence = wire.NextSequence(o.sequence, len(b.records))
	o.wrote = true
	o.proofs.count(number)
	b.base = base
	return nil
}

// between logs that something stands before a batch that the owner did not write. During a renewal
// or a barrier, the owner expects its own markers there.
func (o *Owner) between(ctx context.Context, expected, found int64) {
	level := slog.LevelWarn
	if o.asking != nil {
		level = slog.LevelDebug
	}
	o.cfg.Logger.Log(ctx, level, "something stands between the owner's batches", "topic", o.cfg.Topic,
		"partition", o.cfg.Partition, "expected", expected, "found", found)
}

// landed reports whether the log holds the batch although nobody was told. Then it is answered as
// it was judged. Its conflicts must not be judged anew behind it: a commit of a list would then be
// stored behind later ones.
func (o *Owner) landed(b *batch) (bool, error) {
	first := b.writes[0]
	r, found, err := resultIn(o.cfg.Index, first)
	if err != nil || !found {
		return false, err
	}
	b.base, err = o.mustCount(b, r.Position.Offset-int64(len(first.Records()))+1)
	return err == nil, err
}

// mustCount makes sure that the batch counts under the reader rule, beside what others have
// written. It returns the offset that the batch's first record has in the index. That offset may be
// before base. If a broker has forgotten the producer, it stores a batch that is sent again a
// second time, and only the first copy counts. All commits of the batch count in the same copy, the
// first one.
func (o *Owner) mustCount(b *batch, base int64) (int64, error) {
	first := base
	for i, c := range b.writes {
		r, ok, err := resultIn(o.cfg.Index, c)
		if err != nil || !ok {
			return 0, errors.Join(err, o.follower.Corrupt(base, "a batch of the owner's does not "+
				"count under its own claim"))
		}
		if i == 0 {
			first = r.Position.Offset - int64(len(c.Records())) + 1
		}
	}
	return first, nil
}

// writers make batches.
//
//nolint:gochecknoglobals // pools are shared
var writers = sync.Pool{New: func() any { return new(wire.Writer) }}

// send sends the batch until the broker says where it is, or refuses it. It always sends the same
// batch with the same sequence number, so the broker keeps one copy.
func (o *Owner) send(ctx context.Context, batch *wire.Batch) (base int64, err error) {
	var pause retry.Backoff
	for attempt := 1; ; attempt++ {
		base, err := o.produce(batch)
		if err == nil {
			return base, nil
		}
		k := retry.KindOf(err)
		if log.IsCorrupt(err) { // the index was made from another log
			if attempt > 1 {
				err = fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
			}
			return 0, err
		}
		if _, mismatch := access.MismatchOf(err); mismatch {
			o.follower.Drop()
			if attempt > 1 {
				k = retry.Passing // an earlier attempt may have landed, and the log cannot be read to find out
			}
		}
		switch {
		case k == retry.Fenced:
			return 0, o.fenced(ctx, attempt, err)
		case k == retry.Sequence, k == retry.Refused && attempt > 1: // an earlier attempt may have landed
			o.cfg.Logger.Warn("broker does not take the batch", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
				"error", err)
			return 0, errClaimAgain
		case k == retry.Refused:
			return 0, &RefusedError{Topic: o.cfg.Topic, Partition: o.cfg.Partition, Cause: err}
		}
		o.cfg.Logger.Warn("append is tried again", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
			"attempt", attempt, "error", err)
		o.follower.Reset()
		if o.cfg.Broken.FreshSequence {
			o.sequence = wire.NextSequence(o.sequence, batch.Records)
			batch.Resequence(o.sequence)
		}
		if stopped := pause.Wait(ctx); stopped != nil {
			return 0, fmt.Errorf("%w: %w; the last attempt: %w", eventstore.ErrOutcomeUnknown, stopped, err)
		}
	}
}

// produce sends the batch once.
func (o *Owner) produce(batch *wire.Batch) (int64, error) {
	b, err := o.follower.Leader()
	if err != nil {
		return 0, err
	}
	base, code, err := log.Produce(b, log.Write{
		Topic: o.cfg.Topic, Partition: o.cfg.Partition, Batch: batch.Bytes, Timeout: o.cfg.RequestTimeout,
	})
	if err != nil {
		return 0, err
	}
	// Brokers before 3.0 ask for IdempotentWrite as well.
	return base, access.Explain(retry.NoneIsNil(code),
		access.Need{Operation: access.Write, Resource: access.Topic, Name: o.cfg.Topic},
		access.Need{Operation: access.IdempotentWrite, Resource: access.Cluster})
}

// fenced returns the error for a produce that the broker has fenced at its last attempt. The claim
// has ended. But while the claim is being renewed, perhaps only its term has ended.
func (o *Owner) fenced(ctx context.Context, attempts int, cause error) error {
	lost := o.claim.Lost(o.term, cause)
	switch {
	case o.asking != nil && !o.barrier.underWay || o.record.Newest() != o.term:
		return errClaimAgain // the coordinator knows who fences
	case attempts == 1:
		return lost // nothing of the batch has landed
	default:
		return o.settle(ctx, lost)
	}
}

// settle reads up to the marker that ended the own term. Batches of the own term before the marker
// count, and none can count after it. So the fate of a batch is known, unless the marker cannot be
// read.
func (o *Owner) settle(ctx context.Context, lost error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if err := o.follower.Follow(ctx, func(c index.Checkpoint) bool { return c.Term != o.term }); err != nil {
		return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, errors.Join(lost, err))
	}
	return lost
}

// claimAgain renews the claim. It fails with a *claim.LostError if somebody claimed later.
func (o *Owner) claimAgain(ctx context.Context) error {
	err := o.finishRenewal(ctx)
	if err == nil {
		err = o.again(ctx)
	}
	var lost *claim.LostError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lost):
		return o.settle(ctx, err)
	default:
		return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
	}
}

// again makes the claim again, and goes on under its term.
func (o *Owner) again(ctx context.Context) error {
	term, err := o.claim.Again(ctx)
	if err == nil {
		o.begin(term)
	}
	return err
}

// giveUp answers commits that will not be written any more. If the log holds a commit, its answer
// is its result; otherwise it is err. giveUp returns err.
func (o *Owner) giveUp(commits []*line.Commit, err error) error {
	for _, c := range commits {
		r, ok, failed := resultIn(o.cfg.Index, c)
		switch {
		case failed != nil:
			unknown := fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, errors.Join(err, failed))
			o.queue.Answer(line.Answer{Commit: c, Err: unknown})
		case ok:
			o.queue.Answer(line.Answer{Commit: c, Result: r})
		default:
			o.queue.Answer(line.Answer{Commit: c, Err: err})
		}
	}
	return err
}
