package kafka_test

import (
	"context"
	"iter"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// x is read; then a commit enters beside the line of x; then one enters the line of y; then y is
// read with x. The log has x at 1 before y is at 1. So x at 0 and y at 1 never stood together.
func TestCheck_checkOfStreamsThatNeverStoodTogether(t *testing.T) {
	for name, unconfirmed := range map[string]bool{"confirmed": false, "unconfirmed": true} {
		t.Run(name, func(t *testing.T) {
			c, cfg := ledgers(t)
			s := open(t, cfg)
			_, arrived, release := gate(t, c)
			ctx := context.WithoutCancel(t.Context())
			go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...)) }()
			<-arrived
			_, x := s.ReadQueued(ctx, stream("l/x"), 1)
			require.EqualValues(t, 0, x.Version)
			blind(t, s, "l/x")
			_, y0 := s.ReadQueued(ctx, stream("l/y"), 1)
			go func() { _, _ = s.Append(ctx, y0.Commit(records(1, "")...)) }()
			eventually(t, "it is queued", func() bool {
				_, at := s.ReadQueued(ctx, stream("l/y"), 1)
				return at.Version == 1
			})
			all, y := s.ReadQueued(ctx, stream("l/y"), 1, x)
			for _, err := range all {
				require.NoError(t, err)
			}
			require.EqualValues(t, 1, y.Version)
			checked := make(chan error, 1)
			go func() {
				check := eventstore.Join(x.Commit(), y.Commit())
				check.Unconfirmed = unconfirmed
				_, err := s.Append(ctx, check)
				checked <- err
			}()
			release()
			err := <-checked
			for commit, err := range eventstore.ByCommit(s.ReadCategory(ctx, category, eventstore.Beginning())) {
				require.NoError(t, err)
				t.Log(commit[0].Stream(), commit[0].AggregateVersion, commit[0].Position)
			}
			require.ErrorIs(t, err, eventstore.ErrConflict)
		})
	}
}

// An expected command is queued behind what was read. The check waits for it. x at 0 and the
// command applied never held together, as the command moved x.
func TestCheck_unconfirmedCheckOfACommand(t *testing.T) {
	for name, unconfirmed := range map[string]bool{"confirmed": false, "unconfirmed": true} {
		t.Run(name, func(t *testing.T) {
			c, cfg := ledgers(t)
			s := open(t, cfg)
			_, arrived, release := gate(t, c)
			ctx := context.WithoutCancel(t.Context())
			go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...)) }()
			<-arrived
			_, x := s.ReadQueued(ctx, stream("l/x"), 1)
			blind(t, s, "l/x")
			checked := make(chan error, 1)
			go func() {
				check := x.Commit()
				check.ExpectCommands = []eventstore.CommandExpectation{{CommandID: "blind", Applied: true}}
				check.Unconfirmed = unconfirmed
				_, err := s.Append(ctx, check)
				checked <- err
			}()
			release()
			require.ErrorIs(t, <-checked, eventstore.ErrConflict)
		})
	}
}

// A commit repeats a command without saying its digest, and is queued. Meanwhile a check asks with
// the same command id and another digest than the stored one.
func TestCheck_checkOfAReusedCommandBehindARepetition(t *testing.T) {
	c, cfg := ledgers(t)
	s := open(t, cfg)
	ctx := context.WithoutCancel(t.Context())
	commit := func(digest string) eventstore.Commit {
		c := eventstore.To(stream("l/x"), eventstore.Any, records(1, "c")...)
		c.Digest = digest
		return c
	}
	_, err := s.Append(ctx, commit("one"))
	require.NoError(t, err)
	_, arrived, release := gate(t, c)
	go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...)) }()
	<-arrived
	repetition := waitingContext(ctx)
	repeated := make(chan error, 1)
	go func() { _, err := s.Append(repetition, commit("")); repeated <- err }()
	<-repetition.waits
	question := waitingContext(ctx)
	checked := make(chan error, 1)
	go func() {
		check := eventstore.To(stream("l/x"), 1)
		check.CommandID, check.Digest = "c", "two"
		_, err := s.Append(question, check)
		checked <- err
	}()
	<-question.waits
	release()
	require.NoError(t, <-repeated)
	require.ErrorIs(t, <-checked, eventstore.ErrCommandReused)
}

// x has a commit that is queued, and is read together with y. Before that commit is stored, another
// store claims and appends to y. Then the first store claims again and stores its commit, in the
// place that it was shown in. So x at 1 and y at 0 never stood together.
func TestCheck_unconfirmedCheckAcrossClaims(t *testing.T) {
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	ctx := context.WithoutCancel(t.Context())
	commit := joined(t, s, []string{"l/x"})
	appended := make(chan error, 1)
	go func() { _, err := s.Append(ctx, commit); appended <- err }()
	<-arrived
	check := joined(t, s, nil, "l/x", "l/y")
	require.EqualValues(t, 1, check.Expect[0].Version)
	check.Unconfirmed = true
	question := waitingContext(ctx)
	checked := make(chan error, 1)
	go func() { _, err := s.Append(question, check); checked <- err }()
	<-question.waits

	cfg.TransactionalIDPrefix = "another" // and so the coordinator refuses nobody
	heir := open(t, cfg)
	_, err := heir.Append(ctx, joined(t, heir, []string{"l/y"}))
	require.NoError(t, err)
	release()
	require.NoError(t, <-appended)
	require.ErrorIs(t, <-checked, eventstore.ErrConflict)
}

// x has a commit that is queued. Before it is stored, another store claims, and moves money between
// x and y in one commit. The first store has read that commit, and has not yet decided anew on its
// own. A reader of x and y sees all of the other store's commit, or nothing.
func TestReadQueued_isNotTornAcrossClaims(t *testing.T) {
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	ctx := context.WithoutCancel(t.Context())
	commit := joined(t, s, []string{"l/x"})
	appended := make(chan error, 1)
	go func() { _, err := s.Append(ctx, commit); appended <- err }()
	<-arrived

	cfg.TransactionalIDPrefix = "another" // and so the coordinator refuses nobody
	heir := open(t, cfg)
	other := joined(t, heir, []string{"l/x", "l/y"})
	_, err := heir.Append(ctx, other)
	require.NoError(t, err)
	claims, claim := make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(claims)
		c.SleepControl(func() { <-claim })
		return nil, nil, false
	})
	release()
	<-claims
	xs, x := s.ReadQueued(ctx, stream("l/x"), 1)
	ys, y := s.ReadQueued(ctx, stream("l/y"), 1, x)
	var seen []string
	for _, all := range []iter.Seq2[eventstore.Record, error]{xs, ys} {
		for r, err := range all {
			if err == nil {
				seen = append(seen, r.ID)
			}
		}
	}
	close(claim)
	if seen != nil && y.Version == 1 {
		require.Equal(t, []string{other.Records[0].ID, other.Records[1].ID}, seen)
	}
	require.ErrorIs(t, <-appended, eventstore.ErrConflict)
}

// A command whose commit is queued beside the line is not applied yet for those who read, as its
// events are not there.
func TestApplied_ofACommitBesideTheLine(t *testing.T) {
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	ctx := context.WithoutCancel(t.Context())
	go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...)) }()
	<-arrived
	appended := blind(t, s, "l/x")
	_, x := s.ReadQueued(ctx, stream("l/x"), 1)
	require.EqualValues(t, 0, x.Version)
	applied, err := s.Applied(ctx, stream("l/y"), "blind", x)
	require.NoError(t, err)
	require.False(t, applied)
	release()
	require.NoError(t, <-appended)
	_, err = s.Applied(ctx, stream("l/y"), "blind", x)
	require.ErrorIs(t, err, eventstore.ErrConflict)
	applied, err = s.Applied(ctx, stream("l/y"), "blind")
	require.NoError(t, err)
	require.True(t, applied)
}

// Streams were read apart. Then the owner stores something, and another store claims and moves one
// of them. No check of both is confirmed after that: the proof is from before the call.
func TestCheck_ofStreamsReadApart(t *testing.T) {
	_, cfg := ledgers(t)
	former := open(t, cfg)
	_, a := former.ReadQueued(t.Context(), stream("l/a"), 1)
	_, b := former.ReadQueued(t.Context(), stream("l/b"), 1)
	_, err := former.Append(t.Context(), eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...))
	require.NoError(t, err)
	cfg.TransactionalIDPrefix = "another"
	_, err = open(t, cfg).Append(t.Context(), eventstore.To(stream("l/b"), eventstore.Any, records(1, "")...))
	require.NoError(t, err)
	_, err = former.Append(t.Context(), eventstore.Join(a.Commit(), b.Commit()))
	require.Error(t, err)
}

// A command has two commits in the queue. One is withdrawn, and the other one is in a line and goes
// on to be known. So a repetition of the command is not refused for its own doing.
func TestApplied_knowsTheOtherCommitOfACommand(t *testing.T) {
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	ctx := context.WithoutCancel(t.Context())
	go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...)) }()
	<-arrived
	commit := joined(t, s, []string{"l/a"})
	commit.CommandID = "X"
	leaving, leave := context.WithCancel(ctx)
	left := make(chan error, 1)
	first := waitingContext(leaving)
	go func() {
		_, err := s.Append(first, eventstore.To(stream("l/b"), eventstore.Any, records(1, "X")...))
		left <- err
	}()
	<-first.waits
	second := waitingContext(ctx)
	stored := make(chan error, 1)
	go func() { _, err := s.Append(second, commit); stored <- err }()
	<-second.waits
	leave()
	require.Error(t, <-left)
	applied, err := s.Applied(ctx, stream("l/b"), "X")
	require.NoError(t, err)
	require.True(t, applied)
	check := eventstore.To(stream("l/c"), eventstore.NoStream)
	check.CommandID = "X"
	asking := waitingContext(ctx)
	answers := make(chan eventstore.Result, 1)
	go func() {
		r, err := s.Append(asking, check)
		if err == nil {
			answers <- r
		}
		close(answers)
	}()
	<-asking.waits
	release()
	require.NoError(t, <-stored)
	require.True(t, (<-answers).Repeated)
}

// blind queues a commit beside the line of a stream, of the command "blind". It returns a channel
// for the error.
func blind(t *testing.T, s *kafka.Store, id string) <-chan error {
	t.Helper()
	ctx, appended := waitingContext(context.WithoutCancel(t.Context())), make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, eventstore.To(stream(id), eventstore.Any, records(1, "blind")...))
		appended <- err
	}()
	<-ctx.waits
	return appended
}

// waiting is a context that says when somebody begins to wait for its end.
//
//nolint:containedctx // it is a context itself
type waiting struct {
	context.Context

	waits chan struct{}
	once  sync.Once
}

func waitingContext(ctx context.Context) *waiting {
	return &waiting{Context: ctx, waits: make(chan struct{})}
}

func (w *waiting) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waits) })
	return w.Context.Done()
}
