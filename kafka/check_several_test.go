package kafka_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
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
			go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/x"), eventstore.Any, records(1, "blind")...)) }()
			eventually(t, "it is queued", func() bool {
				applied, err := s.Applied(ctx, stream("l/x"), "blind")
				return err == nil && applied
			})
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
			go func() { _, _ = s.Append(ctx, eventstore.To(stream("l/x"), eventstore.Any, records(1, "blind")...)) }()
			eventually(t, "it is queued", func() bool {
				applied, err := s.Applied(ctx, stream("l/x"), "blind")
				return err == nil && applied
			})
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
