package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// bounded is a store with a batch in flight, whose answer comes once release is called.
type bounded struct {
	*kafka.Store
	heard   *heard
	release func()
}

func openBounded(t *testing.T, bound func(*kafka.Config)) *bounded {
	t.Helper()
	c, cfg := fake(t)
	b := &bounded{heard: new(heard)}
	cfg.Hooks = b.heard.hooks()
	bound(&cfg)
	b.Store = open(t, cfg)
	held, release := holdRequest(t, c, kmsg.Produce, always)
	b.release = release
	go func() {
		_, _ = b.Append(context.WithoutCancel(t.Context()),
			eventstore.To(stream("flying"), eventstore.Any, records(1, "")...))
	}()
	<-held
	return b
}

// begins makes a caller append one event of the size to the stream id. The caller can be seen while
// it waits for a batch, and not while it waits for room.
func (b *bounded) begins(ctx context.Context, t *testing.T, id string, size int) <-chan error {
	t.Helper()
	rs := records(1, "")
	rs[0].Value = make([]byte, size-eventstore.Size(rs[0])+len(rs[0].Value))
	_, tip := readQueued(b.Store, ctx, stream(id), 1)
	done := make(chan error, 1)
	go func() {
		_, err := tip.Append(ctx, rs...)
		done <- err
	}()
	return done
}

func (b *bounded) waits(t *testing.T, id string) bool {
	queued, _ := readQueued(b.Store, context.WithoutCancel(t.Context()), stream(id), 1)
	for range queued {
		return true
	}
	return false
}

// The number of commits or bytes that may wait is bounded. Further callers wait outside, in order.
// A caller that leaves there has taken no room.
func TestAppend_waitsForRoom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bound func(*kafka.Config)
		size  int // there is room for two of this size
	}{
		"commits": {func(cfg *kafka.Config) { cfg.MaxWaitingCommits = 2 }, 1_000},
		"bytes": {func(cfg *kafka.Config) {
			cfg.MaxWaitingBytes = eventstore.MaxCommitBytes
		}, eventstore.MaxCommitBytes * 2 / 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBounded(t, c.bound)
			var inside []<-chan error
			for _, id := range []string{"a", "b"} {
				inside = append(inside, b.begins(t.Context(), t, id, c.size))
				require.Eventually(t, func() bool { return b.waits(t, id) }, time.Minute, time.Millisecond)
			}
			ctx, cancel := context.WithCancel(t.Context())
			// as many as there is room for
			leave := []<-chan error{b.begins(ctx, t, "leaves", c.size), b.begins(ctx, t, "leaves too", c.size)}
			stays := b.begins(t.Context(), t, "stays", c.size)
			require.Never(t, func() bool {
				return b.waits(t, "leaves") || b.waits(t, "leaves too") || b.waits(t, "stays")
			}, 100*time.Millisecond, time.Millisecond)
			cancel()
			for _, left := range leave {
				err := <-left
				require.ErrorIs(t, err, context.Canceled)
				require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
			}
			require.Never(t, func() bool { return b.waits(t, "stays") }, 50*time.Millisecond, time.Millisecond)
			b.release()
			for _, done := range append(inside, stays) {
				require.NoError(t, <-done)
			}
			require.Empty(t, ids(t, b, "leaves"))
			for _, id := range []string{"c", "d", "e"} { // all room is free again
				require.NoError(t, <-b.begins(t.Context(), t, id, c.size))
			}
		})
	}
}

// The bytes of its commits close a batch. A commit that is larger goes alone.
func TestAppend_boundsBatches(t *testing.T) {
	t.Parallel()
	const size, keys, fit, small = 10_000, 100, 3, 7 // the names of a stream add less than keys
	b := openBounded(t, func(cfg *kafka.Config) { cfg.MaxBatchBytes = fit * (size + keys) })
	var all []<-chan error
	begin := func(id string, size int) {
		all = append(all, b.begins(t.Context(), t, id, size))
		require.Eventually(t, func() bool { return b.waits(t, id) }, time.Minute, time.Millisecond)
	}
	for i := range small {
		begin(named("small", i), size)
	}
	begin("large", 2*fit*size)
	begin("last", size)
	b.release()
	for _, done := range all {
		require.NoError(t, <-done)
	}
	require.NoError(t, b.Close())
	var commits []int
	for _, w := range b.heard.wrote[1:] { // after the batch that was in flight
		commits = append(commits, w.Commits)
	}
	require.Equal(t, []int{3, 3, 1, 1, 1}, commits)
}
