package kafka_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// heldStore is a store whose batch in flight gets no answer before release is called. Commits that
// are appended meanwhile are queued.
type heldStore struct {
	*kafka.Store
	fake    *kfake.Cluster
	cfg     kafka.Config
	release func()
	before  []string // event ids of the stream before anything was queued
}

// hold opens a store, appends two events to stream a, and holds the answer to a batch of another
// stream.
func hold(t *testing.T) *heldStore {
	t.Helper()
	c, cfg := fake(t)
	h := &heldStore{fake: c, cfg: cfg, Store: open(t, cfg)}
	rs := records(2, "before")
	_, err := h.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, rs...))
	require.NoError(t, err)
	h.before = idsOf(rs)

	reached, released := make(chan struct{}), make(chan struct{})
	h.release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(h.release)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		close(reached)
		c.SleepControl(func() { <-released })
		return nil, nil, false
	})
	go func() {
		_, _ = h.Append(context.WithoutCancel(t.Context()),
			eventstore.To(stream("other"), eventstore.Any, records(1, "")...))
	}()
	<-reached
	return h
}

// queued returns the event ids of stream a, with the queued ones, and the tip.
func (h *heldStore) queued(t *testing.T) ([]string, queuedTip) {
	t.Helper()
	all, tip := readQueued(h.Store, t.Context(), stream("a"), 1)
	var found []string
	for r, err := range all {
		require.NoError(t, err)
		require.Equal(t, int64(len(found)+1), r.AggregateVersion)
		require.Equal(t, "a", r.AggregateID)
		found = append(found, r.ID)
	}
	return found, tip
}

// answer is what became of a call.
type answer struct {
	eventstore.Result
	err error
}

// behind appends behind the tip, and returns once the records are queued.
func (h *heldStore) behind(ctx context.Context, t *testing.T, tip queuedTip, rs ...eventstore.Record) <-chan answer {
	t.Helper()
	answers := make(chan answer, 1)
	go func() {
		r, err := tip.Append(ctx, rs...)
		answers <- answer{r, err}
	}()
	require.Eventually(t, func() bool {
		found, _ := h.queued(t)
		return found[len(found)-1] == rs[len(rs)-1].ID
	}, time.Minute, time.Millisecond)
	return answers
}

func awaiting(t *testing.T, tip queuedTip) <-chan error {
	done := make(chan error, 1)
	go func() { done <- tip.Await(context.WithoutCancel(t.Context())) }()
	return done
}

// Commits rest on one another while none of them is stored. Nobody is told anything before they are
// stored.
func TestDecide_onQueuedCommits(t *testing.T) {
	h := hold(t)
	before, tip := h.queued(t)
	require.Equal(t, h.before, before)
	require.NoError(t, tip.Stored(t.Context()), "all is stored")

	first, second := records(1, "first"), records(2, "second")
	one := h.behind(t.Context(), t, tip, first...)
	_, err := tip.Append(t.Context(), records(1, "late")...)
	var conflict *eventstore.ConflictError
	require.ErrorAs(t, err, &conflict, "at once: something is queued behind this tip")
	require.Equal(t, eventstore.ConflictError{Stream: stream("a"), Expected: 2, Actual: 3}, *conflict)
	_, tip = h.queued(t)
	two := h.behind(t.Context(), t, tip, second...)
	all, tip := h.queued(t)
	want := append(before, idsOf(first, second)...)
	require.Equal(t, want, all)
	told := awaiting(t, tip)
	require.Equal(t, before, ids(t, h, "a"), "ReadStream yields what is stored")
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, tip.Await(short), context.DeadlineExceeded)
	for _, c := range []<-chan answer{one, two} {
		require.Empty(t, c)
	}
	require.Empty(t, told)

	h.release()
	a := <-one
	require.NoError(t, a.err)
	require.Equal(t, [2]int64{3, 3}, [2]int64{a.First(), a.Last()})
	b := <-two
	require.NoError(t, b.err)
	require.Equal(t, [2]int64{4, 5}, [2]int64{b.First(), b.Last()})
	require.Equal(t, a.Position.Offset+2, b.Position.Offset, "one batch")
	require.NoError(t, <-told)
	require.Equal(t, want, ids(t, h, "a"))
	r, err := tip.Append(t.Context(), records(1, "")...)
	require.NoError(t, err, "a tip outlives the queue")
	require.Equal(t, int64(6), r.Last())
	require.NoError(t, h.Close())
	require.Equal(t, want, ids(t, open(t, h.cfg), "a")[:5])
}

func TestReadQueued_fromAnyVersion(t *testing.T) {
	h := hold(t)
	_, tip := h.queued(t)
	h.behind(t.Context(), t, tip, records(2, "")...)
	_, tip = h.queued(t)
	h.behind(t.Context(), t, tip, records(3, "")...)
	all, _ := h.queued(t)
	require.Len(t, all, 7)
	for from := int64(-1); from <= 9; from++ {
		var found []string
		some, _ := readQueued(h.Store, t.Context(), stream("a"), from)
		for r, err := range some {
			require.NoError(t, err)
			found = append(found, r.ID)
		}
		require.Equal(t, all[min(max(from, 1)-1, 7):], append([]string{}, found...), "from %d", from)
	}
	for range 2 { // a loop may break
		some, _ := readQueued(h.Store, t.Context(), stream("a"), 1)
		for range some {
			break
		}
	}
}

// A commit that others rest on is not stored after all. Another commit may take its place, but none
// that rested on it is stored.
func TestDecide_onWhatIsNotStored(t *testing.T) {
	for _, tt := range []struct {
		name string
		// fail makes the first commit fail; leave makes its caller leave
		fail  func(t *testing.T, h *heldStore, leave func())
		first string // command id of the first commit
		check func(t *testing.T, a answer)
	}{
		{
			name: "withdrawn",
			fail: func(_ *testing.T, _ *heldStore, leave func()) { leave() },
			check: func(t *testing.T, a answer) {
				require.ErrorIs(t, a.err, context.Canceled)
				require.NotErrorIs(t, a.err, eventstore.ErrOutcomeUnknown)
			},
		},
		{
			name: "refused",
			fail: func(_ *testing.T, h *heldStore, _ func()) {
				// The batch in flight, then the batch that was queued, and then its first commit
				// alone.
				h.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: 3})
				h.release()
			},
			check: func(t *testing.T, a answer) {
				var refused *kafka.RefusedError
				require.ErrorAs(t, a.err, &refused)
			},
		},
		{
			name: "a repeated command", first: "before",
			fail: func(_ *testing.T, h *heldStore, _ func()) { h.release() },
			check: func(t *testing.T, a answer) {
				require.NoError(t, a.err)
				require.True(t, a.Repeated)
				require.Equal(t, int64(2), a.Last())
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hold(t)
			_, tip := h.queued(t)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			first := h.behind(ctx, t, tip, records(1, tt.first)...)
			_, onFirst := h.queued(t)
			second := h.behind(t.Context(), t, onFirst, records(1, "second")...)
			_, onSecond := h.queued(t)
			third := h.behind(t.Context(), t, onSecond, records(1, "third")...)
			_, onThird := h.queued(t)
			told := []<-chan error{awaiting(t, onFirst), awaiting(t, onSecond), awaiting(t, onThird)}

			tt.fail(t, h, leave)
			tt.check(t, <-first)
			require.ErrorIs(t, (<-second).err, eventstore.ErrConflict)
			require.ErrorIs(t, (<-third).err, eventstore.ErrConflict)
			for _, c := range told {
				require.ErrorIs(t, <-c, eventstore.ErrConflict)
			}
			all, tip := h.queued(t)
			require.Equal(t, h.before, all)
			h.release()

			instead := records(1, "instead") // with the version that the first one would have had
			r, err := tip.Append(t.Context(), instead...)
			require.NoError(t, err)
			require.Equal(t, int64(3), r.Last())
			for _, old := range []queuedTip{onFirst, onSecond, onThird} {
				_, err = old.Append(t.Context(), records(1, "")...)
				require.ErrorIs(t, err, eventstore.ErrConflict, "though the version is the same")
				require.ErrorIs(t, old.Await(t.Context()), eventstore.ErrConflict)
			}
			want := append(h.before, idsOf(instead)...)
			require.Equal(t, want, ids(t, h, "a"))
			require.NoError(t, h.Close())
			require.Equal(t, want, ids(t, open(t, h.cfg), "a"))
		})
	}
}

// The partition is taken over while commits that rest on one another are queued. None of them is
// stored.
func TestTakeover_whileDecisionsAreQueued(t *testing.T) {
	h := hold(t)
	_, tip := h.queued(t)
	first := h.behind(t.Context(), t, tip, records(1, "")...)
	_, tip = h.queued(t)
	second := h.behind(t.Context(), t, tip, records(1, "")...)
	_, tip = h.queued(t)
	told := awaiting(t, tip)
	winner := open(t, h.cfg)
	h.release()

	require.ErrorIs(t, (<-first).err, eventstore.ErrNotOwner)
	require.Error(t, (<-second).err)
	require.ErrorIs(t, <-told, eventstore.ErrConflict)
	require.Equal(t, h.before, ids(t, winner, "a"))
	_, err := tip.Append(t.Context(), records(1, "")...)
	require.Error(t, err)
	requireNoDecision(t, h.Store, "a", eventstore.ErrNotOwner)
}

// requireNoDecision tries to decide on the stream at a store that cannot decide on it. It checks
// that nothing is read, appended, or said to be final.
func requireNoDecision(t *testing.T, s *kafka.Store, id string, want error) {
	t.Helper()
	all, tip := readQueued(s, t.Context(), stream(id), 1)
	n := 0
	for _, err := range all {
		require.ErrorIs(t, err, want)
		n++
	}
	require.Equal(t, 1, n)
	_, err := tip.Append(t.Context(), records(1, "")...)
	require.ErrorIs(t, err, want)
	require.ErrorIs(t, tip.Await(t.Context()), want)
}

func TestReadQueued_ofWhatCannotBeRead(t *testing.T) {
	h := hold(t)
	for want, name := range map[error]eventstore.Stream{
		eventstore.ErrInvalid: {Category: category, ID: ""},
	} {
		all, tip := readQueued(h.Store, t.Context(), name, 1)
		for _, err := range all {
			require.ErrorIs(t, err, want)
		}
		_, err := tip.Append(t.Context(), records(1, "")...)
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, tip.Await(t.Context()), want)
	}
	h.release()
	_, tip := h.queued(t)
	require.NoError(t, h.Close())
	_, err := tip.Append(t.Context(), records(1, "")...)
	require.ErrorIs(t, err, eventstore.ErrClosed)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tip.Append(ended, records(1, "")...)
	require.ErrorIs(t, err, eventstore.ErrClosed)
}
