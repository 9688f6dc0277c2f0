package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/letters"
)

// raw is a record as it is in its partition.
type raw eventstore.Record

func (r *raw) Bytes() (key, value []byte, headers []subscription.Header) {
	return []byte(r.AggregateID), r.Value, []subscription.Header{{Name: "eventId", Value: []byte(r.ID)}}
}

// world is a partition, its letters' log and a handler, in memory. It keeps everything that a
// runner does to it when the runner ends.
type world struct {
	mu      sync.Mutex
	records []eventstore.Record // by offset
	letters []letters.Entry     // by position
	commit  int64
	calls   []int64 // offsets that were handed to the handler, in order
	success []int64 // offsets that it handled, in order
	fail    func(int64) error
	grown   chan struct{}       // has a token when something was handled, written or committed
	changed *sync.Cond          // the same, for those who read the letters
	written func(letters.Entry) // called after the runner wrote a letter, before that is acknowledged
	counts  delivery.Counts
	now     time.Time
	most    int // handlers that ran at once
	running int

	by    subscription.Order
	pause func(context.Context) error // before an event is tried again
	wrong []string                    // what a handler was called with that it must not have
	keys  map[string]int64            // the offsets that are handled now, by key
	began int                         // how many letters there were when the runner began
	told  int                         // how many of the letters the runner knows
	late  map[int64]int               // calls with events of which the runner knew that they were given up
}

func newWorld(keys ...string) *world {
	w := &world{
		now: time.Unix(1, 0), fail: func(int64) error { return nil }, written: func(letters.Entry) {},
		grown: make(chan struct{}, 1), keys: make(map[string]int64),
		pause: func(ctx context.Context) error { return ctx.Err() },
	}
	w.changed = sync.NewCond(&w.mu)
	for i, key := range keys {
		w.records = append(w.records, eventstore.Record{
			Header: event.Header{AggregateID: key, ID: fmt.Sprint(i)}, Value: []byte{1},
			Position: event.Position{Offset: int64(i)},
		})
	}
	return w
}

func (w *world) change(f func()) {
	w.mu.Lock()
	f()
	w.mu.Unlock()
	w.changed.Broadcast()
	select {
	case w.grown <- struct{}{}:
	default:
	}
}

func (w *world) config() delivery.Config {
	next := w.commit
	return delivery.Config{
		Handler: "h", Topic: "t", Attempts: 3, Patience: time.Hour, Concurrency: 2, MaxInFlight: 8,
		Order: w.by, PartitionKey: eventstore.BeforeSlash, MaxBytes: 1 << 20, Counts: &w.counts,
		Source: func(ctx context.Context, yield func(eventstore.Record, delivery.Raw) bool) (int64, error) {
			for ; next < int64(len(w.records)); next++ {
				rec := w.records[next]
				if !yield(rec, (*raw)(&rec)) {
					return next, nil
				}
			}
			w.mu.Lock()
			told := w.commit >= next
			w.mu.Unlock()
			if told {
				<-ctx.Done()
			}
			return next, nil
		},
		Handle: func(_ context.Context, rec eventstore.Record) (subscription.Verdict, error) {
			w.mu.Lock()
			w.enter(rec.Position.Offset)
			w.calls = append(w.calls, rec.Position.Offset)
			w.running++
			w.most = max(w.most, w.running)
			err := w.fail(rec.Position.Offset)
			w.mu.Unlock()
			w.change(func() {
				w.running--
				delete(w.keys, w.key(rec.Position.Offset))
				if err == nil {
					w.success = append(w.success, rec.Position.Offset)
				}
			})
			told := subscription.RetryThenDeadLetter
			switch {
			case errors.Is(err, errUndecodable):
				told = subscription.DeadLetterAtOnce
			case errors.Is(err, errAway):
				told = subscription.RetryForever
			case errors.Is(err, errUnknown):
				told = subscription.WaitThenDeadLetter
			}
			return told, err
		},
		Pause: func(int) time.Duration { return time.Microsecond },
		Sleep: func(ctx context.Context, _ time.Duration) error { return w.pause(ctx) },
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
		Write: func(_ context.Context, e *letters.Entry) error {
			w.change(func() { e.Position = int64(len(w.letters)); w.letters = append(w.letters, *e) })
			w.written(*e)
			return nil
		},
		Read: func(_ context.Context, position int64) (letters.Entry, eventstore.Record, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.letters[position], w.records[w.letters[position].Offset], nil
		},
		Commit: func(offset int64) { w.change(func() { w.commit = max(w.commit, offset) }) },
	}
}

var (
	errUndecodable = errors.New("undecodable")
	errAway        = errors.New("away")
	errUnknown     = errors.New("unknown")
)

// key returns the key of an event in today's order.
func (w *world) key(offset int64) string {
	id := w.records[offset].AggregateID
	if w.by == subscription.ByPartitionKey {
		return eventstore.BeforeSlash.Of(id)
	}
	return id
}

// parked is what the letters written so far come to.
func (w *world) parked() *letters.Parked { return w.parkedOf(w.letters) }

func (w *world) parkedOf(all []letters.Entry) *letters.Parked {
	p := letters.NewParked(w.by)
	for i := range all {
		p.Apply(&all[i])
	}
	return p
}

// start runs a runner that is told of the letters from now on, until stop.
func (w *world) start(t require.TestingT) (stop func()) {
	r := delivery.New(w.config(), w.commit, w.parked())
	next := len(w.letters)
	w.began, w.told, w.late = next, next, make(map[int64]int)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var reader sync.WaitGroup
	reader.Go(func() {
		for ; ; next++ {
			w.mu.Lock()
			for next >= len(w.letters) && ctx.Err() == nil {
				w.changed.Wait()
			}
			if ctx.Err() != nil {
				w.mu.Unlock()
				return
			}
			e := w.letters[next]
			w.mu.Unlock()
			r.Order(ctx, e)
			w.mu.Lock()
			w.told = next + 1
			w.mu.Unlock()
		}
	})
	return func() {
		w.change(cancel)
		reader.Wait()
		require.NoError(t, <-ended)
	}
}

// until waits for a state of the world.
func (w *world) until(t require.TestingT, what string, holds func() bool) {
	deadline := time.After(20 * time.Second)
	for {
		w.mu.Lock()
		ok := holds()
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-w.grown:
		case <-deadline:
			require.Fail(t, "timed out: "+what, "calls %v, letters %d, commit %d", w.calls, len(w.letters), w.commit)
			return
		}
	}
}

// order is written by somebody else.
func (w *world) order(kind letters.Kind, offset int64) { w.orderBy(w.by, kind, offset) }

func (w *world) orderBy(by subscription.Order, kind letters.Kind, offset int64) {
	id := w.records[offset].AggregateID
	e := letters.Entry{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t", Offset: offset}, Kind: kind,
		Key: []byte(id), PartitionKey: eventstore.BeforeSlash.Of(id), Order: by,
	}
	w.change(func() { e.Position = int64(len(w.letters)); w.letters = append(w.letters, e) })
}

func (w *world) kinds() map[letters.Kind][]int64 {
	all := make(map[letters.Kind][]int64)
	for _, e := range w.letters {
		all[e.Kind] = append(all[e.Kind], e.Offset)
	}
	return all
}

func TestPoisonIsSetAsideAndItsKeyWaits(t *testing.T) {
	t.Parallel()
	w := newWorld("p", "a", "p", "b", "p", "a")
	poisoned := true
	w.fail = func(offset int64) error {
		if offset == 0 && poisoned {
			return errors.New("poison")
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "all are done or set aside", func() bool { return w.commit == 6 })
	require.ElementsMatch(t, []int64{1, 3, 5}, w.success)
	require.Equal(t, map[letters.Kind][]int64{letters.Dead: {0}, letters.Waiting: {2, 4}}, w.kinds())
	require.Equal(t, 3, w.letters[0].Attempts)
	require.Equal(t, "poison", w.letters[0].Note)
	require.Equal(t, int64(2), w.counts.Retried.Load())

	w.order(letters.Redrive, 0)
	w.until(t, "the redrive fails", func() bool { return len(w.kinds()[letters.Failed]) == 1 })
	require.Equal(t, []int64{1, 3, 5}, slices.Sorted(slices.Values(w.success)),
		"nothing overtakes the letter that failed again")
	stop()

	stop = w.start(t) // knows from the topic alone
	w.change(func() { poisoned = false })
	w.order(letters.Redrive, 0)
	w.until(t, "the redrive succeeds", func() bool { return len(w.kinds()[letters.Handled]) == 3 })
	require.Equal(t, []int64{0, 2, 4}, w.success[3:])
	stop()
	require.Zero(t, w.parked().Len())
	require.LessOrEqual(t, w.most, 2)
}

// A letter can be read as soon as it is written, and somebody may ask for it before the runner
// knows that it is.
func TestAskedForBeforeTheLetterIsAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld("p", "p")
	poisoned := true
	w.fail = func(offset int64) error {
		if offset == 0 && poisoned {
			return errUndecodable
		}
		return nil
	}
	handled := make(chan struct{})
	w.written = func(e letters.Entry) {
		switch e.Kind {
		case letters.Dead:
			w.mu.Lock()
			poisoned = false
			w.mu.Unlock()
			w.order(letters.Redrive, 0)
			<-handled // the runner does not need the acknowledgement for it
		case letters.Handled:
			close(handled)
		default:
		}
	}
	stop := w.start(t)
	w.until(t, "all are handled", func() bool { return w.commit == 2 && len(w.success) == 2 })
	stop()
	require.Equal(t, []int64{0, 1}, w.success)
	require.Zero(t, w.parked().Len())
}

func TestDiscardLetsTheKeyGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld("p", "p", "p")
	w.fail = func(offset int64) error {
		if offset == 0 {
			return errUndecodable
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "all are set aside", func() bool { return w.commit == 3 })
	require.Equal(t, []int64{0}, w.calls, "what cannot be decoded is not tried again")
	w.order(letters.Discarded, 0)
	w.until(t, "the others are handled", func() bool { return len(w.kinds()[letters.Handled]) == 2 })
	require.Equal(t, []int64{1, 2}, w.success)
	stop()
	require.Zero(t, w.parked().Len())
}

// A process that lost the partition, and did not know, writes a letter of an event that is done
// here. The letter does not stop its key.
func TestLettersOfAProcessThatLostThePartition(t *testing.T) {
	t.Parallel()
	w := newWorld("a", "a")
	stop := w.start(t)
	w.until(t, "all are done", func() bool { return w.commit == 2 })
	w.order(letters.Dead, 0)
	w.until(t, "it is resolved", func() bool { return len(w.kinds()[letters.Handled]) == 1 })
	stop()
	require.Zero(t, w.parked().Len())
	require.Equal(t, []int64{0, 1}, w.success)
}

// A process was killed after it had set an event aside, and before it committed. The events before
// the letter were handled: they are neither set aside behind it nor handled after it.
func TestWhatComesBeforeALetterIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld("p", "p", "p")
	poisoned := true
	w.fail = func(offset int64) error {
		if offset == 1 && poisoned {
			return errUndecodable
		}
		return nil
	}
	for range 2 {
		stop := w.start(t)
		w.until(t, "all are done or set aside", func() bool { return w.commit == 3 })
		stop()
		require.Equal(t, []int64{0}, w.success)
		require.Equal(t, map[letters.Kind][]int64{letters.Dead: {1}, letters.Waiting: {2}}, w.kinds())
		w.commit = 0
	}
	poisoned = false
	w.letters = append(w.letters, letters.Entry{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t", Offset: 1}, Kind: letters.Redrive,
		Key: []byte("p"), Position: 2,
	})
	stop := w.start(t)
	w.until(t, "the redrive succeeds", func() bool { return w.commit == 3 && len(w.kinds()[letters.Handled]) == 2 })
	stop()
	require.Equal(t, []int64{0, 1, 2}, w.success)
}
