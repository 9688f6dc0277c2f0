package owner

import (
	"context"
	"iter"
	"math"
	"slices"

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
	beside  bool         // something was queued that is not shown, for the stream or for one of with
	with    []*Tip       // those that were read before, and stood as they were read when this one was
}

// Stream returns the stream whose end the tip is.
func (t *Tip) Stream() eventstore.Stream { return t.stream }

// Version returns the version of the stream at the tip.
func (t *Tip) Version() int64 { return t.version }

// Owner returns the owner that read the stream.
func (t *Tip) Owner() *Owner { return t.owner }

// From is where a read of a stream begins: behind a version, or behind the tip of an earlier read.
type From struct {
	Stream  eventstore.Stream
	Version int64 // 0 or more; that of the tip if there is one
	Tip     *Tip  // nil if the version is known to be stored
}

// End begins behind everything: only the tip is of interest.
func End(s eventstore.Stream) From { return From{Stream: s, Version: math.MaxInt64 - 1} }

// ReadQueued yields the stream's records behind a version: those that are stored, and then those of
// its line. The tip is their end. It fails with a *[eventstore.ConflictError]
//   - unless what the earlier read has shown is stored, or in the line;
//   - unless the stream and all those of with stand as they were read at one moment of the call.
//
// Once the owner appends no more, ReadQueued fails with the reason. Then the index may lack what
// the owner has stored, and no decision can rest on it.
func (o *Owner) ReadQueued(after From, with []*Tip) (iter.Seq2[eventstore.Record, error], *Tip, error) {
	err := o.queue.Stopped()
	if err != nil {
		return nil, nil, err
	}
	stream, from := after.Stream, after.Version+1
	t := &Tip{owner: o, stream: stream, asked: o.proofs.ask(o.cfg.Broken.StaleProof), with: with}
	index := o.cfg.Index
	var stored iter.Seq2[eventstore.Record, error]
	queued, stands := o.shown(after)
	if !stands && !o.cfg.Broken.ReadsOnBroken {
		return nil, nil, after.Tip.overtaken(after.Tip.on.Part(stream.ID).First - 1)
	}
	commits := queued.Commits
	t.on, t.beside = queued.Last, queued.Beside
	if n := len(commits); n > 0 {
		newest := commits[n-1]
		t.version = newest[len(newest)-1].AggregateVersion
		stored = index.Range(stream.ID, from, commits[0][0].AggregateVersion-1)
	} else if stored, t.version, err = index.End(stream.ID, from); err != nil {
		return nil, nil, err
	}
	if len(with) > 0 {
		if t.beside, err = o.stand(append(slices.Clone(with), t)); err != nil {
			return nil, nil, err
		}
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

// shown returns the line of the stream. It reports false if the read would begin behind a commit
// that is neither stored nor in the line any more.
func (o *Owner) shown(after From) (s line.Shown, stands bool) {
	t := line.Tip{ID: after.Stream.ID, Version: after.Version}
	if after.Tip == nil || after.Tip.on == nil {
		return o.queue.Shown(t)
	}
	t.Last = after.Tip.on
	if after.Tip.owner != o { // another line had the commit, and this process has claimed again since
		select {
		case <-t.Last.Done():
			if stands = t.Last.Stored(); !stands {
				return s, false
			}
			t.Last = nil
		default:
			return s, false
		}
	}
	return o.queue.Shown(t)
}

// stand fails with a *[eventstore.ConflictError] unless all the streams stand at their tips at one
// moment of the call. It reports whether something was queued for one of them then that is not
// shown.
func (o *Owner) stand(tips []*Tip) (beside bool, err error) {
	if o.cfg.Broken.TornReads {
		return false, nil
	}
	at, err := o.lineTips(nil, tips)
	if err != nil {
		return false, err
	}
	found, err := o.queue.Stand(at...)
	if err != nil || found.Moved == nil {
		return found.Beside, err
	}
	moved := slices.IndexFunc(tips, func(t *Tip) bool { return t.stream.ID == found.Moved.ID })
	return false, tips[moved].overtaken(found.Actual)
}

// lineTips appends the tips as the queue has them. It leaves out nil. If another owner has read one
// of the streams, the partition was claimed again since, and the tip is worth nothing.
func (o *Owner) lineTips(at []line.Tip, tips []*Tip) ([]line.Tip, error) {
	for _, t := range tips {
		switch {
		case t == nil:
		case t.owner != o:
			return nil, t.overtaken(t.version)
		default:
			at = append(at, line.Tip{ID: t.stream.ID, Version: t.version, Last: t.on})
		}
	}
	return at, nil
}

// readTogether reports whether all the streams stood as they were read at one moment, when the last
// of them was read.
func readTogether(tips []*Tip) bool {
	return slices.ContainsFunc(tips, func(last *Tip) bool {
		if len(last.with) < len(tips)-1 {
			return false
		}
		return !slices.ContainsFunc(tips, func(t *Tip) bool { return t != last && !slices.Contains(last.with, t) })
	})
}

// stored waits until the commit that the tip rests on is stored. It fails if that commit will never
// be stored.
func (t *Tip) stored(ctx context.Context) error {
	if t.on == nil {
		return nil
	}
	select {
	case <-t.on.Done():
	case <-ctx.Done():
		return &UnprovenError{context.Cause(ctx)}
	}
	if !t.on.Stored() {
		return t.overtaken(t.on.Part(t.stream.ID).First - 1)
	}
	return nil
}

// overtaken is the error of a tip that is not the end of the stream any more.
func (t *Tip) overtaken(actual int64) error {
	return conflictOf(eventstore.Expectation{Stream: t.stream, Version: eventstore.Expected(t.version)}, actual)
}

// Applied reports whether the partition key of the aggregate has a commit of the command that
// ReadQueued shows. It fails as ReadQueued does, for the streams of with.
func (o *Owner) Applied(aggregateID, commandID string, with []*Tip) (applied bool, err error) {
	if err := o.queue.Stopped(); err != nil {
		return false, err
	}
	applied = o.queue.Shows(aggregateID, commandID)
	if !applied {
		if applied, err = o.cfg.Index.Applied(aggregateID, commandID); err != nil {
			return false, err
		}
	}
	// A stream that stands at its tip now did so when the command was looked up.
	if len(with) > 0 {
		_, err = o.stand(with)
	}
	return applied, err
}

// Gone returns why the owner appends no more, or nil.
func (o *Owner) Gone() error { return o.queue.Stopped() }
