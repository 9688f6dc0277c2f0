package kafka_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// ledgers returns a configuration whose streams share a partition key with others.
func ledgers(t testing.TB) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, cfg := fake(t)
	cfg.Topics.Prefix = "ledgers"
	cfg.Topics.Categories = []topics.Category{{Name: category, Partitions: 2, PartitionKey: eventstore.BeforeSlash}}
	create(t, cfg)
	return c, cfg
}

// joined reads the streams together. It returns the commit that adds records to each of writes if
// all of the streams stand as they were read.
func joined(t testing.TB, s *kafka.Store, writes []string, checks ...string) eventstore.Commit {
	t.Helper()
	var read []eventstore.Expectation
	var commits []eventstore.Commit
	for i, id := range append(writes, checks...) {
		all, at := s.ReadQueued(t.Context(), stream(id).At(0), read...)
		for _, err := range all {
			require.NoError(t, err)
		}
		read = append(read, at)
		if i < len(writes) {
			commits = append(commits, at.Commit(records(1, "")...))
		} else {
			commits = append(commits, at.Commit())
		}
	}
	return eventstore.Join(commits...)
}

// gate lets no produce pass until it is opened, and counts them.
func gate(t testing.TB, c *kfake.Cluster) (requests *atomic.Int64, arrived <-chan struct{}, open func()) {
	t.Helper()
	requests = new(atomic.Int64)
	came, opened := make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if requests.Add(1) == 1 {
			close(came)
			c.SleepControl(func() { <-opened })
		}
		return nil, nil, false
	})
	open = sync.OnceFunc(func() { close(opened) })
	t.Cleanup(open)
	return requests, came, open
}

// Commits over several streams are decided on what is queued, and written in one batch.
func TestAppend_ofSeveralStreamsOnWhatIsQueued(t *testing.T) {
	t.Parallel()
	c, cfg := ledgers(t)
	s := open(t, cfg)
	requests, arrived, release := gate(t, c)
	var group sync.WaitGroup
	results := make([]eventstore.Result, 4)
	enter := func(n int, commit eventstore.Commit) {
		group.Go(func() {
			var err error
			results[n], err = s.Append(context.WithoutCancel(t.Context()), commit)
			require.NoError(t, err)
		})
	}
	shows := func(id string, version eventstore.Expected) {
		eventually(t, "the commit is queued", func() bool {
			_, at := s.ReadQueued(t.Context(), stream(id).At(0))
			return at.Version == version
		})
	}
	enter(0, joined(t, s, []string{"l/a", "l/b"}))
	<-arrived
	enter(1, joined(t, s, []string{"l/b", "l/c"}, "l/a"))
	shows("l/c", 1)
	enter(2, joined(t, s, []string{"l/a"}, "l/b", "l/c"))
	shows("l/a", 2)
	enter(3, joined(t, s, []string{"l/c", "l/a", "l/b"}))
	shows("l/c", 2)
	release()
	group.Wait()

	require.Equal(t, int64(2), requests.Load(), "three commits are in the second batch")
	last := []eventstore.Written{
		{Stream: stream("l/c"), First: 2, Last: 2},
		{Stream: stream("l/a"), First: 3, Last: 3},
		{Stream: stream("l/b"), First: 3, Last: 3},
	}
	require.Equal(t, last, results[3].Streams)
	offset := int64(0)
	for commit, err := range eventstore.ByCommit(s.ReadCategory(t.Context(), category, eventstore.Beginning())) {
		require.NoError(t, err)
		for i, r := range commit {
			part := eventstore.CommitPart{Index: i + 1, Size: len(commit), Several: len(commit) > 1}
			require.Equal(t, part, r.Commit)
			require.Greater(t, r.Position.Offset, offset)
			offset = r.Position.Offset
		}
	}
	require.Equal(t, results[3].Position.Offset, offset)
}

// A commit is taken back, and all that rest on it go with it. One of them writes to a stream that
// it writes to, another only checks such a stream.
func TestAppend_breaksWhatRestsOnSeveralStreams(t *testing.T) {
	t.Parallel()
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	first := make(chan error, 1)
	go func() {
		_, err := s.Append(context.WithoutCancel(t.Context()), joined(t, s, []string{"l/x"}))
		first <- err
	}()
	<-arrived
	leaving, leave := context.WithCancel(t.Context())
	answers := make([]chan error, 4)
	for i, commit := range []func() eventstore.Commit{
		func() eventstore.Commit { return joined(t, s, []string{"l/a", "l/b"}) },
		func() eventstore.Commit { return joined(t, s, []string{"l/b", "l/c"}) },
		func() eventstore.Commit { return joined(t, s, []string{"l/d"}, "l/c") },
		func() eventstore.Commit { return joined(t, s, []string{"l/e"}) },
	} {
		answers[i] = make(chan error, 1)
		ctx := context.WithoutCancel(t.Context())
		if i == 0 {
			ctx = leaving
		}
		made := commit()
		go func() {
			_, err := s.Append(ctx, made)
			answers[i] <- err
		}()
		id := made.Records[0].AggregateID
		eventually(t, "the commit is queued", func() bool {
			_, at := s.ReadQueued(t.Context(), stream(id).At(0))
			return at.Version > made.ExpectationOf(stream(id)).Version
		})
	}
	leave()
	require.ErrorIs(t, <-answers[0], context.Canceled)
	require.ErrorIs(t, <-answers[1], eventstore.ErrConflict, "it writes to l/b, too")
	require.ErrorIs(t, <-answers[2], eventstore.ErrConflict, "it checks l/c")
	release()
	require.NoError(t, <-first)
	require.NoError(t, <-answers[3], "it rests on nothing")
	for id, version := range map[string]eventstore.Expected{
		"l/a": 0, "l/b": 0, "l/c": 0, "l/d": 0, "l/e": 1, "l/x": 1,
	} {
		_, at := s.ReadQueued(t.Context(), stream(id).At(0))
		require.Equal(t, version, at.Version, id)
	}
}

// A store that was overtaken has read two streams together. It does not confirm the check of both,
// because the other store has changed one of them.
func TestCheck_ofSeveralStreamsByAnOvertakenStore(t *testing.T) {
	t.Parallel()
	_, cfg := ledgers(t)
	former := open(t, cfg)
	_, err := former.Append(t.Context(), joined(t, former, []string{"l/a", "l/b"}))
	require.NoError(t, err)
	check := joined(t, former, nil, "l/a", "l/b")
	_, err = former.Append(t.Context(), check)
	require.NoError(t, err)

	other := cfg
	other.TransactionalIDPrefix = "another" // and so the coordinator refuses nobody
	heir := open(t, other)
	_, err = heir.Append(t.Context(), joined(t, heir, []string{"l/b"}))
	require.NoError(t, err)
	check = joined(t, former, nil, "l/a", "l/b")
	_, err = former.Append(t.Context(), check)
	if err == nil { // it has noticed meanwhile, and claimed again
		require.Equal(t, eventstore.Expected(2), check.Expect[1].Version)
		return
	}
	require.True(t, errors.Is(err, eventstore.ErrConflict) || errors.Is(err, eventstore.ErrNotOwner), err)
}

// A commit without a tip has landed, and its answer is lost. It is not shown, as its place is not
// known yet. Streams that are read now are read as they were before it, and that state is over. No
// check confirms it, also not for the stream that the commit does not write to.
func TestCheck_besideACommitThatHasLanded(t *testing.T) {
	t.Parallel()
	c, cfg := ledgers(t)
	s := open(t, cfg)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}) // stored all the same
	again, answered := make(chan struct{}), make(chan struct{})
	attempts := 0
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if attempts++; attempts == 2 {
			close(again)
			c.SleepControl(func() { <-answered })
		}
		return nil, nil, false
	})
	appended := make(chan error, 1)
	go func() {
		_, err := s.Append(context.WithoutCancel(t.Context()),
			eventstore.To(stream("l/a"), eventstore.Any, records(1, "")...))
		appended <- err
	}()
	<-again
	check := joined(t, s, nil, "l/b", "l/a")
	require.Equal(t, eventstore.NoStream, check.Expect[1].Version)
	close(answered)
	require.NoError(t, <-appended)
	_, err := s.Append(t.Context(), check)
	require.ErrorIs(t, err, eventstore.ErrConflict)
}

// The partition key of a category is fixed once there are events.
func TestOpen_withAnotherPartitionKey(t *testing.T) {
	t.Parallel()
	_, cfg := ledgers(t)
	cfg.IndexDir = t.TempDir()
	s := open(t, cfg)
	for i := range 20 {
		_, err := s.Append(t.Context(), eventstore.To(stream(named("l/a", i)), eventstore.NoStream, records(1, "")...))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())

	other := cfg
	other.Topics.Categories = []topics.Category{{Name: category, Partitions: 2}}
	_, err := kafka.Open(t.Context(), other)
	var index *kafka.IndexError
	require.ErrorAs(t, err, &index)
	require.ErrorContains(t, err, "before-slash")

	other.IndexDir = ""
	_, err = kafka.Open(t.Context(), other)
	require.ErrorIs(t, err, kafka.ErrPartitionsChanged, "of twenty whole ids some belong elsewhere")
	require.ErrorContains(t, err, "whole-id")
}
