package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// listTo returns n commits of one event each to the stream.
func listTo(id string, n int) []eventstore.Commit {
	list := make([]eventstore.Commit, n)
	for i := range list {
		list[i] = eventstore.To(stream(id), eventstore.Any, records(1, "")...)
	}
	return list
}

// visible returns a commit to the stream, which can be seen while it waits for a batch.
func visible(t *testing.T, s *kafka.Store, id string) eventstore.Commit {
	t.Helper()
	_, tip := readQueued(s, t.Context(), stream(id), 1)
	return tip.at.Commit(records(1, "")...)
}

// idsOfList returns the ids of the events of a list.
func idsOfList(list []eventstore.Commit) []string {
	var all []string
	for _, c := range list {
		all = append(all, idsOf(c.Records)...)
	}
	return all
}

// beginEach appends a list, and returns once its last commit, which is visible, waits.
func (b *bounded) beginEach(
	ctx context.Context, t *testing.T, list []eventstore.Commit, seen string,
) <-chan []eventstore.Answer {
	t.Helper()
	answers := make(chan []eventstore.Answer, 1)
	go func() { answers <- b.AppendEach(ctx, list) }()
	require.Eventually(t, func() bool { return b.waits(t, seen) }, time.Minute, time.Millisecond)
	return answers
}

// A list that comes while a batch is in flight goes into the next batch as a whole.
func TestAppendEach_sharesABatch(t *testing.T) {
	t.Parallel()
	const n = 999
	b := openBounded(t, func(*kafka.Config) {})
	list := append(listTo("a", n), visible(t, b.Store, "last"))
	answers := b.beginEach(t.Context(), t, list, "last")
	b.release()
	for i, a := range (<-answers)[:n] {
		require.NoError(t, a.Err)
		require.Equal(t, int64(i+1), a.Result.Last())
	}
	require.Equal(t, idsOfList(list[:n]), ids(t, b, "a"))
	require.NoError(t, b.Close())
	require.Len(t, b.heard.wrote, 2)
	require.Equal(t, len(list), b.heard.wrote[1].Commits)
}

// A list may be longer than what may wait. The rest of it waits outside.
func TestAppendEach_waitsForRoom(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]func(*kafka.Config){
		"commits": func(cfg *kafka.Config) { cfg.MaxWaitingCommits = 3 },
		"bytes":   func(cfg *kafka.Config) { cfg.MaxWaitingBytes = eventstore.MaxCommitBytes },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBounded(t, bound)
			list := listTo("a", 60)
			for i := range list {
				list[i].Records[0].Value = make([]byte, eventstore.MaxCommitBytes/4)
			}
			list[2] = visible(t, b.Store, "inside")
			answers := b.beginEach(t.Context(), t, list, "inside")
			b.release()
			for _, a := range <-answers {
				require.NoError(t, a.Err)
			}
			require.Len(t, ids(t, b, "a"), len(list)-1)
		})
	}
}

// If the caller of a list leaves, what waits is taken back, inside and outside. It is told of each
// commit that nothing was appended.
func TestAppendEach_ofACallerWhoLeavesWhileItWaits(t *testing.T) {
	t.Parallel()
	b := openBounded(t, func(cfg *kafka.Config) { cfg.MaxWaitingCommits = 3 })
	list := listTo("a", 600)
	list[2] = visible(t, b.Store, "inside")
	ctx, cancel := context.WithCancel(t.Context())
	answers := b.beginEach(ctx, t, list, "inside")
	cancel()
	for _, a := range <-answers {
		require.ErrorIs(t, a.Err, context.Canceled)
		require.NotErrorIs(t, a.Err, eventstore.ErrOutcomeUnknown)
		var unavailable interface{ Unavailable() bool }
		require.ErrorAs(t, a.Err, &unavailable)
	}
	b.release()
	require.NoError(t, <-b.begins(t.Context(), t, "later", 1_000), "all room is free again")
	require.Empty(t, ids(t, b, "a"))
}

// If the caller leaves while a batch is under way, the outcome of what is in it is unknown. Of what
// is behind it, nothing is appended.
func TestAppendEach_ofACallerWhoLeavesAmidTheList(t *testing.T) {
	t.Parallel()
	const under = 40
	c, cfg := fake(t)
	cfg.MaxWaitingCommits = under
	s := open(t, cfg)
	held, release := holdRequest(t, c, kmsg.Produce, always)
	ctx, cancel := context.WithCancel(t.Context())
	list := listTo("a", 3*under)
	answers := make(chan []eventstore.Answer, 1)
	go func() { answers <- s.AppendEach(ctx, list) }()
	<-held
	cancel()
	told, unknown := <-answers, 0
	for ; unknown < len(told); unknown++ {
		require.ErrorIs(t, told[unknown].Err, context.Canceled)
		if !isUnknown(told[unknown]) {
			break
		}
	}
	require.Positive(t, unknown)
	require.LessOrEqual(t, unknown, under)
	for _, a := range told[unknown:] {
		require.ErrorIs(t, a.Err, context.Canceled)
		require.NotErrorIs(t, a.Err, eventstore.ErrOutcomeUnknown)
	}
	release()
	last := listTo("a", 1)
	require.NoError(t, s.AppendEach(t.Context(), last)[0].Err)
	require.Equal(t, append(idsOfList(list[:unknown]), idsOfList(last)...), ids(t, s, "a"))
}

func isUnknown(a eventstore.Answer) bool { return errors.Is(a.Err, eventstore.ErrOutcomeUnknown) }

// The commits of one partition do not wait for those of another, whose broker does not answer and
// whose queue is full.
func TestAppendEach_ofAPartitionWhoseBrokerHangs(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg = two(t, cfg)
	cfg.MaxWaitingCommits = 2
	s := open(t, cfg)
	idIn := func(partition int) string {
		for i := 0; ; i++ {
			if id := named("s", i); wire.PartitionOf(id, 2) == partition {
				return id
			}
		}
	}
	slow, fast := idIn(0), idIn(1)
	held, release := holdRequest(t, c, kmsg.Produce, func(r kmsg.Request) bool {
		return r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Partition == 0
	})
	list := append(listTo(slow, 10), listTo(fast, 10)...)
	answers := make(chan []eventstore.Answer, 1)
	go func() { answers <- s.AppendEach(t.Context(), list) }()
	<-held
	eventually(t, "the other partition has its part", func() bool { return len(ids(t, s, fast)) == 10 })
	require.Empty(t, ids(t, s, slow))
	release()
	for _, a := range <-answers {
		require.NoError(t, a.Err)
	}
	require.Equal(t, idsOfList(list[:10]), ids(t, s, slow))
	require.Equal(t, idsOfList(list[10:]), ids(t, s, fast))
}

// The hook is told of each commit, as of the commits of many callers.
func TestAppendEach_tellsTheHookOfEach(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	var h heard
	cfg.Hooks = h.hooks()
	s := open(t, cfg)
	list := []eventstore.Commit{
		eventstore.To(stream("a"), 0, records(2, "c-1")...),
		eventstore.To(stream("a"), 7, records(1, "")...),
		eventstore.To(stream("a"), 2), // a check
		eventstore.To(stream("a"), 2, records(1, "c-1")...),
	}
	before := time.Now()
	answers := s.AppendEach(t.Context(), list)
	require.NoError(t, answers[0].Err)
	require.ErrorIs(t, answers[1].Err, eventstore.ErrConflict)
	require.ErrorIs(t, answers[2].Err, eventstore.ErrInvalid)
	require.True(t, answers[3].Result.Repeated)
	require.Len(t, h.appended, 3)
	for i, of := range []int{0, 1, 3} {
		a := h.appended[i]
		require.Equal(t, list[of], a.Commit)
		require.Equal(t, answers[of], eventstore.Answer{Result: a.Result, Err: a.Err})
		require.False(t, a.Start.Before(before))
		require.Equal(t, h.appended[0].Start, a.Start, "that of the call")
		require.Positive(t, a.Duration)
	}
}

// A store that does not own the partition says so of each commit.
func TestAppendEach_withoutAClaim(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	s := openReader(t, cfg)
	answers := s.AppendEach(t.Context(), listTo("a", 3))
	require.Len(t, answers, 3)
	for _, a := range answers {
		requireUnclaimed(t, a.Err)
	}
	require.NoError(t, s.Claim(t.Context()))
	_, read := readQueued(s, t.Context(), stream("a"), 1)
	winner := open(t, cfg)
	require.NoError(t, winner.AppendEach(t.Context(), listTo("a", 1))[0].Err)
	answers = s.AppendEach(t.Context(), []eventstore.Commit{
		read.at.Commit(records(1, "")...), eventstore.To(stream("b"), eventstore.Any, records(1, "")...),
	})
	for _, a := range answers {
		var no *kafka.NotOwnerError
		require.ErrorAs(t, a.Err, &no)
		require.Equal(t, topic, no.Topic)
	}
	require.Empty(t, ids(t, winner, "b"))
}
