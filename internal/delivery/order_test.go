package delivery_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// By partition key, the events of all its streams wait for one another, and behind a letter. Events
// of other keys go on.
func TestAPartitionKeyWaits(t *testing.T) {
	t.Parallel()
	w := newWorld("p/1", "a/1", "p/2", "b/1", "p/1", "a/2")
	w.by = subscription.ByPartitionKey
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
	for i, e := range w.letters {
		require.Equal(t, w.records[2*i].AggregateID, string(e.Key), "the letter has the aggregate's id")
		require.Equal(t, "p", e.PartitionKey)
		require.Equal(t, subscription.ByPartitionKey, e.Order)
	}
	w.order(letters.Redrive, 2)
	w.until(t, "the redrive fails", func() bool { return len(w.kinds()[letters.Failed]) == 1 })
	require.Len(t, w.success, 3, "nothing overtakes the letter that failed again")
	w.change(func() { poisoned = false })
	w.order(letters.Redrive, 4)
	w.until(t, "the redrive succeeds", func() bool { return len(w.kinds()[letters.Handled]) == 3 })
	require.Equal(t, []int64{0, 2, 4}, w.success[3:])
	stop()
	require.Zero(t, w.parked().Len())

	w.commit = 0 // it was killed before it could commit
	stop = w.start(t)
	w.until(t, "all are passed over", func() bool { return w.commit == 6 })
	stop()
	handled := slices.DeleteFunc(slices.Clone(w.success), func(offset int64) bool { return offset%2 == 1 })
	require.Equal(t, []int64{0, 2, 4}, handled, "what comes before a letter of the key is done")
	require.Empty(t, w.wrong)
}

// A handler is started by stream while there are letters of a partition key. The letters of the
// other streams go on by themselves.
func TestWhatWaitedForAnotherStreamGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld("p/1", "p/2", "p/1", "p/2", "p/2")
	w.by = subscription.ByPartitionKey
	w.fail = func(offset int64) error {
		if offset == 0 {
			return errUndecodable
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "all are set aside", func() bool { return w.commit == 5 })
	stop()
	require.Empty(t, w.success)
	w.by, w.commit = subscription.ByStream, 4
	stop = w.start(t)
	w.until(t, "one stream goes on", func() bool { return len(w.success) == 3 && w.commit == 5 })
	stop()
	require.Equal(t, []int64{1, 3, 4}, w.success)
	require.Equal(t, letters.Lane{
		{Key: letters.Key{Stream: "p/1", Partition: "p"}, Offset: 0, Position: 0, Dead: true},
		{Key: letters.Key{Stream: "p/1", Partition: "p"}, Offset: 2, Position: 2},
	}, w.parked().Lane("p/1"))
	require.Empty(t, w.wrong)
}

// A handler is started by partition key while a letter of a stream is asked for. An earlier event
// of another stream is not done. Now the letter must wait for it, and it needs no other request.
func TestALetterWaitsForWhatComesBeforeItInTheNewOrder(t *testing.T) {
	t.Parallel()
	w := newWorld("p/1", "p/2", "p/2", "p/1")
	away, poisoned := true, true
	w.fail = func(offset int64) error {
		switch {
		case offset == 0 && away:
			return errAway
		case offset == 1 && poisoned:
			return errUndecodable
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "one stream is set aside", func() bool { return len(w.letters) == 2 })
	stop()
	require.Zero(t, w.commit)
	w.order(letters.Redrive, 2)
	poisoned = false

	w.by = subscription.ByPartitionKey
	tried := len(w.calls)
	stop = w.start(t)
	w.until(t, "the first event is tried again", func() bool { return len(w.calls) > tried+10 })
	require.Empty(t, w.success)
	w.change(func() { away = false })
	w.until(t, "all are handled", func() bool { return w.commit == 4 && len(w.kinds()[letters.Handled]) == 2 })
	stop()
	require.Equal(t, []int64{0, 1, 2, 3}, w.success)
	require.Zero(t, w.parked().Len())
	require.Empty(t, w.wrong)
}

// A handler is started by partition key after a letter of one stream was asked for and handled. The
// letters of the other stream wait until somebody asks for them.
func TestWhatNobodyAskedForStaysSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld("p/1", "p/2", "a", "b")
	poisoned := true
	w.fail = func(int64) error {
		if poisoned {
			return errUndecodable
		}
		return nil
	}
	w.records = w.records[:2]
	stop := w.start(t)
	w.until(t, "both are set aside", func() bool { return w.commit == 2 })
	w.change(func() { poisoned = false })
	w.order(letters.Redrive, 1)
	w.until(t, "one is handled", func() bool { return len(w.kinds()[letters.Handled]) == 1 })
	stop()
	require.Equal(t, []int64{1}, w.success)

	w.by, w.records = subscription.ByPartitionKey, w.records[:4]
	stop = w.start(t)
	w.until(t, "other keys go on", func() bool { return w.commit == 4 })
	require.ElementsMatch(t, []int64{1, 2, 3}, w.success)
	w.order(letters.Redrive, 0)
	w.until(t, "the other one is handled", func() bool { return len(w.kinds()[letters.Handled]) == 2 })
	stop()
	require.Empty(t, w.wrong)
}

// A handler was started by stream, and people still ask for a whole partition key. All its streams
// are handled again.
func TestAPartitionKeyIsAskedForOfAHandlerByStream(t *testing.T) {
	t.Parallel()
	w := newWorld("p/1", "p/2", "q/1")
	poisoned := true
	w.fail = func(int64) error {
		if poisoned {
			return errUndecodable
		}
		return nil
	}
	stop := w.start(t)
	w.until(t, "all are set aside", func() bool { return w.commit == 3 })
	w.change(func() { poisoned = false })
	w.orderBy(subscription.ByPartitionKey, letters.Redrive, 0)
	w.until(t, "two are handled", func() bool { return len(w.kinds()[letters.Handled]) == 2 })
	stop()
	require.ElementsMatch(t, []int64{0, 1}, w.success)
	require.Equal(t, []string{"q/1"}, w.parked().Keys())
}
