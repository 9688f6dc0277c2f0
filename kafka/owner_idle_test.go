package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// An owner that has nothing to append is overtaken, and nobody tells it. It notices by itself. It
// then delivers the new owner's appends, to its streams and to those who follow.
func TestIdleOwner_noticesThatItWasOvertaken(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	testIdleOwner(t, cfg)
}

func testIdleOwner(t *testing.T, cfg kafka.Config) {
	former := open(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	followed := make(chan string, 10)
	go func() {
		defer close(followed)
		for r, err := range former.Follow(ctx, category, eventstore.End()) {
			if err != nil {
				return
			}
			followed <- r.ID
		}
	}()
	owner := open(t, cfg)
	rs := records(2, "")
	_, err := owner.Append(ctx, eventstore.To(stream("a"), eventstore.NoStream, rs...))
	require.NoError(t, err)
	awaitVersion(t, former, "a", 2)
	require.Equal(t, rs[0].ID, <-followed)
	require.Equal(t, rs[1].ID, <-followed)
	_, err = former.Append(ctx, eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = owner.Append(ctx, eventstore.To(stream("a"), 2, records(1, "")...))
	require.NoError(t, err, "the owner is not disturbed")
	awaitVersion(t, former, "a", 3)
	cancel()
	for range followed {
		continue
	}
}

// A foreign transaction ends an idle owner's term. The owner has a new term before its next append.
func TestIdleOwner_mendsItsTerm(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	claims := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TxnID: transactionalID(), Observe: true, Count: -1})
	blind := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable, Count: -1})
	transactForeign(t, cfg) // two transactions; it would mend its term after the first one
	blind.Remove()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, claims.Wait(ctx, 1))
	require.Eventually(t, func() bool { return s.Status()[0].Lag == 0 }, time.Minute, time.Millisecond)
	_, err := s.Append(ctx, eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	require.Equal(t, int64(2), s.Skipped(), "the foreign records, and not the batch")
}

// An idle owner looks at the partition's end, which costs a request every two seconds. An owner
// that appends looks at nothing.
func TestIdleOwner_asksNothingWhenBusy(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	looks := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Observe: true, Count: -1})
	const pause = time.Second // half of the time between two looks
	begun := time.Now()
	pauses := 0 // made by a busy machine: the owner was idle then, and looked once a pause at most
	for i, last := 0, begun; last.Sub(begun) < 5*time.Second; i++ {
		_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(i), records(1, "")...))
		require.NoError(t, err)
		now := time.Now()
		pauses += int(now.Sub(last) / pause)
		last = now
	}
	require.LessOrEqual(t, looks.Hits(), pauses)
	looks.Remove()
	looks = c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Observe: true, Count: -1})
	begun = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, looks.Wait(ctx, 3))
	require.Greater(t, time.Since(begun), 3*time.Second)
}
