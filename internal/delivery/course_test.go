package delivery_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// Processes come and go, each with its order. The handler fails as it likes, and people redrive and
// discard. Keys keep their order, and every event is handled, discarded or set aside.
func TestAnyCourseOfEvents(t *testing.T) {
	t.Parallel()
	orders := rapid.SampledFrom([]subscription.Order{subscription.ByStream, subscription.ByPartitionKey})
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.SampledFrom([]string{"a/1", "a/2", "a", "b/1"}), 1, 30).Draw(t, "keys")
		left := rapid.SliceOfN(rapid.IntRange(-2, 7), len(keys), len(keys)).Draw(t, "failures")
		w, last := newWorld(keys...), false
		w.fail = func(offset int64) error {
			switch {
			case left[offset] > 0:
				left[offset]--
				return errors.New("not yet")
			case left[offset] == -2: // it is set aside, and tried for ever when somebody asks for it
				left[offset]++
				return errUndecodable
			case left[offset] < 0 && !last:
				return errAway
			}
			return nil
		}
		discarded := make(map[int64]bool)
		for range rapid.IntRange(1, 4).Draw(t, "processes") {
			w.by = orders.Draw(t, "order")
			calls := len(w.calls) + rapid.IntRange(0, 3*len(keys)).Draw(t, "calls")
			stop := w.start(t)
			w.until(t, "so many calls, or all are done or set aside", func() bool {
				return len(w.calls) >= calls || w.commit == int64(len(keys))
			})
			w.mu.Lock()
			parked := w.parked()
			w.mu.Unlock()
			for _, key := range parked.Keys() {
				lane := parked.Lane(key)
				offset := lane[rapid.IntRange(0, len(lane)-1).Draw(t, "letter")].Offset
				switch rapid.IntRange(0, 2).Draw(t, "request") {
				case 1:
					w.orderBy(orders.Draw(t, "order of the request"), letters.Redrive, offset)
				case 2:
					w.order(letters.Discarded, offset)
					discarded[offset] = true
				}
			}
			w.mu.Lock()
			calls = len(w.calls) + rapid.IntRange(0, 10).Draw(t, "calls after the requests")
			w.mu.Unlock()
			w.until(t, "so many calls, or nothing is left to do", func() bool {
				return len(w.calls) >= calls || w.commit == int64(len(keys)) && w.rests()
			})
			stop()
			if rapid.Bool().Draw(t, "killed before it could commit") {
				w.commit = rapid.Int64Range(0, w.commit).Draw(t, "committed")
			}
		}
		w.by, last = orders.Draw(t, "order"), true
		stop := w.start(t)
		w.until(t, "all are done or set aside", func() bool { return w.commit == int64(len(keys)) })
		for w.open(t) {
		}
		stop()
		w.check(t, discarded)
	})
}

// rests reports whether no letter is to be handled again.
func (w *world) rests() bool {
	parked := w.parked()
	return !slices.ContainsFunc(parked.Keys(), parked.Due)
}

// open redrives what is set aside, and reports whether there was something.
func (w *world) open(t *rapid.T) bool {
	w.mu.Lock()
	parked := w.parked()
	w.mu.Unlock()
	for _, key := range parked.Keys() {
		w.order(letters.Redrive, parked.Lane(key)[0].Offset)
		w.until(t, "a redrive ends", func() bool {
			return !w.parked().Due(key)
		})
	}
	return len(parked.Keys()) > 0
}

func (w *world) check(t *rapid.T, discarded map[int64]bool) {
	if len(w.wrong) > 0 {
		t.Fatalf("%v; letters %v", w.wrong, w.kinds())
	}
	for i, e := range w.letters {
		behind := func(before letters.Entry) bool {
			return before.Kind.Whole() && before.Offset < e.Offset && before.Keys().In(e.Order) == e.Keys().In(e.Order)
		}
		if e.Kind == letters.Waiting && !slices.ContainsFunc(w.letters[:i], behind) {
			t.Fatalf("%d waits behind no letter before it; letters %v", e.Offset, w.kinds())
		}
	}
	for offset := range w.records {
		if !slices.Contains(w.success, int64(offset)) && !discarded[int64(offset)] {
			t.Fatalf("%d was neither handled nor discarded; handled %v", offset, w.success)
		}
	}
}
