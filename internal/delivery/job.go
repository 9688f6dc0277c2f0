package delivery

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// action is what a worker does with a record.
type action int

const (
	deliver action = iota // hand it to the handler
	park                  // set it aside behind a dead letter of its key
	redrive               // hand a letter to the handler again
	resolve               // write that a letter was handled
)

// job is work for one worker.
type job struct {
	what   action
	worker int            // that does it
	task   *task          // of a redrive, one that is in no window
	key    string         // of a redrive or a resolve, in the runner's order
	letter letters.Letter // of a redrive or a resolve
}

// result is what came of a job.
type result struct {
	job   job
	entry *letters.Entry // that was written
	again time.Duration  // the job is to be done again after this pause
	done  bool           // the record is done with; false too if time was up
}

// do does a job. It is called by a worker, to which the job's delivery belongs meanwhile.
func (r *Runner) do(ctx context.Context, j job) result {
	switch j.what {
	case park:
		return r.write(ctx, j, r.letter(j.task, letters.Waiting))
	case redrive:
		return r.again(ctx, j)
	case resolve:
		e := r.trace(j.letter)
		e.Note = "handled by the process that has the partition"
		return r.write(ctx, j, e)
	default:
		return r.deliver(ctx, j)
	}
}

func (r *Runner) deliver(ctx context.Context, j job) result {
	d := j.task.Item
	switch verdict := r.attempt(ctx, j); {
	case verdict == subscription.Handled:
		return result{job: j, done: true}
	case ctx.Err() != nil:
		return result{job: j}
	case verdict == subscription.DeadLetterAtOnce:
		return r.write(ctx, j, r.letter(j.task, letters.Dead))
	default:
		return result{job: j, again: r.cfg.Pause(d.attempts)}
	}
}

// again hands a letter to the handler.
func (r *Runner) again(ctx context.Context, j job) result {
	place := r.place(j.letter.Key.Stream, j.letter.Offset)
	r.waits.does(j.worker, Wait{Record: place, Since: r.cfg.Now(), Doing: reading})
	whole, record, err := r.cfg.Read(ctx, j.letter.Position)
	if ctx.Err() != nil {
		return result{job: j}
	}
	d, verdict := j.task.Item, subscription.DeadLetterAtOnce
	if d.attempts == 0 {
		d.first = whole.First
	}
	if d.record, d.err = record, err; err == nil { // otherwise the letter itself cannot be read
		verdict = r.attempt(ctx, j)
	}
	trace := r.trace(j.letter)
	trace.Attempts, trace.First, trace.Last, trace.Note = whole.Attempts+d.attempts, d.first, d.last, d.note()
	switch {
	case verdict == subscription.Handled:
		return r.write(ctx, j, trace)
	case ctx.Err() != nil:
		return result{job: j}
	case verdict == subscription.DeadLetterAtOnce:
		trace.Kind = letters.Failed
		return r.write(ctx, j, trace)
	default:
		return result{job: j, again: r.cfg.Pause(d.attempts)}
	}
}

// attempt calls the handler once, and says what becomes of the record. RetryThenDeadLetter means
// that attempts are left, and WaitThenDeadLetter that time is left.
func (r *Runner) attempt(ctx context.Context, j job) subscription.Verdict {
	d := j.task.Item
	d.attempts++
	d.last = r.cfg.Now()
	if d.begun.IsZero() {
		d.begun = d.last
	}
	if d.first.IsZero() {
		d.first = d.last
	}
	r.waits.does(j.worker, Wait{Record: d.record, Since: d.last, Doing: handling})
	var verdict subscription.Verdict
	if verdict, d.err = r.cfg.Handle(ctx, d.record); d.err == nil {
		return subscription.Handled
	}
	switch verdict {
	case subscription.RetryThenDeadLetter, subscription.Default:
		if d.counted++; d.counted >= r.cfg.Attempts {
			return subscription.DeadLetterAtOnce
		}
	case subscription.WaitThenDeadLetter:
		if d.held.IsZero() {
			d.held = d.last
		}
		if d.last.Sub(d.held) >= r.cfg.Patience {
			return subscription.DeadLetterAtOnce
		}
	case subscription.RetryForever, subscription.DeadLetterAtOnce, subscription.Handled:
	}
	return verdict
}

// place returns a record of which nothing is known but where it stands.
func (r *Runner) place(stream string, offset int64) eventstore.Record {
	return eventstore.Record{
		Header: event.Header{AggregateID: stream}, Position: event.Position{Partition: r.cfg.Partition, Offset: offset},
	}
}

// keys returns the keys of an event of the stream.
func (r *Runner) keys(stream string) letters.Key {
	return letters.Key{Stream: stream, Partition: r.cfg.PartitionKey.Of(stream)}
}

func (r *Runner) id(offset int64) subscription.LetterID {
	return subscription.LetterID{Handler: r.cfg.Handler, Topic: r.cfg.Topic, Partition: r.cfg.Partition, Offset: offset}
}

// trace returns the entry that says that a letter was handled.
func (r *Runner) trace(l letters.Letter) *letters.Entry {
	return &letters.Entry{
		LetterID: r.id(l.Offset), Kind: letters.Handled, At: r.cfg.Now(),
		Key: []byte(l.Key.Stream), PartitionKey: l.Key.Partition, Order: r.cfg.Order,
	}
}

// letter returns the record as a letter, whole.
func (r *Runner) letter(t *task, kind letters.Kind) *letters.Entry {
	d := t.Item
	e := &letters.Entry{
		LetterID: r.id(t.Offset), Kind: kind, At: r.cfg.Now(), Attempts: d.attempts, First: d.first, Last: d.last,
		Note: d.note(), Timestamp: d.record.Timestamp,
		PartitionKey: r.cfg.PartitionKey.Of(d.record.AggregateID), Order: r.cfg.Order,
	}
	e.Key, e.Value, e.Headers = d.raw.Bytes()
	return e
}

func (r *Runner) write(ctx context.Context, j job, e *letters.Entry) result {
	r.waits.does(j.worker, Wait{Record: r.place(string(e.Key), e.Offset), Since: e.At, Doing: writing})
	if err := r.cfg.Write(ctx, e); err != nil {
		return result{job: j} // time was up
	}
	return result{job: j, entry: e, done: true}
}

// settle takes note of what came of a job, and returns the pause after which it is to be done
// again, or 0.
func (r *Runner) settle(res result) time.Duration {
	j := res.job
	if j.task != nil && res.again == 0 {
		r.waits.over(j.task)
	}
	if res.entry != nil {
		r.count(res.entry.Kind)
		r.parked.Apply(res.entry)
	}
	switch {
	case res.again > 0 && r.moot(j):
		r.drop(j)
		return 0
	case res.again > 0:
		r.asleep[j.task] = j
		r.waits.failed(j.task)
		r.cfg.Counts.Retried.Add(1)
	case !res.done: // time was up
	case j.what == redrive:
		delete(r.busy, j.key)
		r.redrive(j.key)
	case j.what == resolve:
		r.redrive(j.key)
	case res.entry != nil:
		r.done(j.task)
		r.redrive(j.task.Key) // somebody may have asked for its key meanwhile
	default:
		r.cfg.Counts.Handled.Add(1)
		r.done(j.task)
		if r.parked.Holds(j.task.Key, j.task.Offset) {
			r.resolve(j.task.Key, r.keys(j.task.Item.record.AggregateID), j.task.Offset)
		}
	}
	return res.again
}

// moot reports whether a job hands out an event of which others wrote that it was discarded or
// handled.
func (r *Runner) moot(j job) bool {
	switch j.what {
	case deliver:
		return r.parked.Resolved(j.task.Offset)
	case redrive:
		return !r.parked.Holds(j.key, j.letter.Offset)
	default:
		return false
	}
}

// drop gives a moot job up, which no worker has, so that its key goes on.
func (r *Runner) drop(j job) {
	r.waits.over(j.task)
	if j.what == redrive {
		delete(r.busy, j.key)
	} else {
		r.done(j.task)
	}
	r.redrive(j.task.Key)
}

// dropMoot gives all moot jobs up but those that a worker has. settle asks for these.
func (r *Runner) dropMoot() {
	for t, j := range r.asleep {
		if r.moot(j) {
			delete(r.asleep, t)
			r.drop(j)
		}
	}
	jobs := r.jobs
	r.jobs = nil
	for _, j := range jobs {
		if r.moot(j) {
			r.drop(j)
		} else {
			r.jobs = append(r.jobs, j)
		}
	}
}

func (r *Runner) count(k letters.Kind) {
	switch k {
	case letters.Dead:
		r.cfg.Counts.DeadLettered.Add(1)
	case letters.Waiting:
		r.cfg.Counts.Parked.Add(1)
	case letters.Handled:
		r.cfg.Counts.Redriven.Add(1)
	default:
	}
}
