package owner

import (
	"context"
	"errors"
	"iter"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// Tip is the end of a stream as ReadQueued saw it. Its input must have been checked.
type Tip struct {
	owner   *Owner
	stream  eventstore.Stream
	version int64
	on      *line.Commit // the last commit of the line; nil if all was stored
	asked   question     // before the stream was read
	beside  bool         // something was queued for the stream that is not shown
}

// Stream returns the stream whose end the tip is.
func (t *Tip) Stream() eventstore.Stream { return t.stream }

// Version returns the version of the stream at the tip.
func (t *Tip) Version() int64 { return t.version }

// ReadQueued yields the stream's records from a version on: those that are stored, and then those
// of its line. The tip is their end. Once the owner appends no more, ReadQueued fails with the
// reason. Then the index may lack what the owner has stored, and no decision can rest on it.
func (o *Owner) ReadQueued(stream eventstore.Stream, from int64) (iter.Seq2[eventstore.Record, error], *Tip, error) {
	err := o.queue.Stopped()
	if err != nil {
		return nil, nil, err
	}
	t := &Tip{owner: o, stream: stream, asked: o.proofs.ask(o.cfg.Broken.StaleProof)}
	index := o.cfg.Index
	var stored iter.Seq2[eventstore.Record, error]
	queued := o.queue.Shown(stream.ID, from)
	commits := queued.Commits
	t.on, t.beside = queued.Last, queued.Beside
	if n := len(commits); n > 0 {
		newest := commits[n-1]
		t.version = newest[len(newest)-1].AggregateVersion
		stored = index.Range(stream.ID, from, commits[0][0].AggregateVersion-1)
	} else if stored, t.version, err = index.End(stream.ID, from); err != nil {
		return nil, nil, err
	}
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range stored {
			if !yield(r, err) || err != nil {
				return
			}
		}
		for _, records := range commits {
			for i := range records {
				if records[i].AggregateVersion >= from && !yield(records[i], nil) {
					return
				}
			}
		}
	}, t, nil
}

// Append appends right behind the tip.
func (t *Tip) Append(ctx context.Context, records []eventstore.Record) (eventstore.Result, error) {
	return t.owner.submit(ctx, line.Behind(t.on, t.stream, t.version, records))
}

// Stored waits until the commit that the tip rests on is stored. It fails if that commit will never
// be stored.
func (t *Tip) Stored(ctx context.Context) error {
	if t.on == nil {
		return nil
	}
	select {
	case <-t.on.Done():
	case <-ctx.Done():
		return &UnprovenError{context.Cause(ctx)}
	}
	if !t.on.Stored() {
		return t.overtaken(t.on.First() - 1)
	}
	return nil
}

// Await waits until it is certain that the stream ended at the tip at some moment after it was
// read. For that, the commit that the tip rests on must be stored. A batch or a barrier that was
// begun after the tip was read must also be stored (see [proofs]).
//
// A queued commit that was not shown may have been stored behind the tip. If there was one, Await
// compares the versions once more. Any other commit entered the queue after the tip was read. So
// the tip was the end of the stream when it was read, or when the last commit of the line was
// stored.
func (t *Tip) Await(ctx context.Context) error {
	if err := t.Stored(ctx); err != nil {
		return err
	}
	o := t.owner
	if o.cfg.Broken.NoProof && t.on == nil {
		return o.queue.Stopped()
	}
	err := o.proofs.await(ctx, t.asked, o.queue.Knock)
	if err != nil && !errors.Is(err, errAnotherTerm) || err == nil && !t.beside {
		return err
	}
	version, failed := o.cfg.Index.Version(t.stream.ID)
	switch {
	case failed != nil:
		return failed
	case err != nil || version != t.version:
		return t.overtaken(version)
	}
	return nil
}

// overtaken is the error of a tip that is not the end of the stream any more.
func (t *Tip) overtaken(actual int64) error {
	return &eventstore.ConflictError{Stream: t.stream, Expected: eventstore.Expected(t.version), Actual: actual}
}

// Gone returns why the owner appends no more, or nil.
func (o *Owner) Gone() error { return o.queue.Stopped() }
