package kafka_test

import (
	"context"
	"iter"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// busy returns a store with a commit under way, to l/z. Its batch is not answered before release.
func busy(t *testing.T) (s *kafka.Store, release func()) {
	t.Helper()
	c, cfg := ledgers(t)
	s = open(t, cfg)
	return s, keepBusy(t, c, s, eventstore.To(stream("l/z"), eventstore.Any, records(1, "")...))
}

// keepBusy appends a commit whose batch is not answered before release.
func keepBusy(t *testing.T, c *kfake.Cluster, s *kafka.Store, commit eventstore.Commit) (release func()) {
	t.Helper()
	_, arrived, release := gate(t, c)
	begin(t, s, commit)
	<-arrived
	return release
}

// begin appends a commit, or asks for a check. It returns once the commit is queued, or the check
// waits for what is queued.
func begin(t *testing.T, s *kafka.Store, c eventstore.Commit) <-chan answer {
	t.Helper()
	return beginWith(context.WithoutCancel(t.Context()), s, c)
}

func beginWith(ctx context.Context, s *kafka.Store, c eventstore.Commit) <-chan answer {
	waiting, answers := waitingContext(ctx), make(chan answer, 1)
	go func() {
		r, err := s.Append(waiting, c)
		answers <- answer{r, err}
	}()
	<-waiting.waits
	return answers
}

// blindly is a commit of a command that goes to the end of a stream, wherever that is. If something
// is queued, it is queued beside the line.
func blindly(id, command string) eventstore.Commit {
	return eventstore.To(stream(id), eventstore.Any, records(1, command)...)
}

// heirOf opens another store, which claims without the coordinator's help.
func heirOf(t *testing.T, cfg kafka.Config) *kafka.Store {
	t.Helper()
	cfg.TransactionalIDPrefix = "another" // and so the coordinator refuses nobody
	return open(t, cfg)
}

// x is read; then a commit enters beside the line of x; then one enters the line of y; then y is
// read with x. The log has x at 1 before y is at 1. So x at 0 and y at 1 never stood together.
func TestCheck_ofStreamsThatNeverStoodTogether(t *testing.T) {
	t.Parallel()
	for name, unconfirmed := range map[string]bool{"confirmed": false, "unconfirmed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, release := busy(t)
			_, x := s.ReadQueued(t.Context(), stream("l/x").At(0))
			require.EqualValues(t, 0, x.Version)
			begin(t, s, blindly("l/x", ""))
			begin(t, s, joined(t, s, []string{"l/y"}))
			_, y := s.ReadQueued(t.Context(), stream("l/y").At(0), x)
			require.EqualValues(t, 1, y.Version)
			check := eventstore.Join(x.Commit(), y.Commit())
			check.Unconfirmed = unconfirmed
			checked := begin(t, s, check)
			release()
			require.ErrorIs(t, (<-checked).err, eventstore.ErrConflict)
		})
	}
}

// An expected command is queued behind what was read. The check waits for it. x at 0 and the
// command applied never held together, as the command moved x.
func TestCheck_ofACommandThatMovesTheStream(t *testing.T) {
	t.Parallel()
	for name, unconfirmed := range map[string]bool{"confirmed": false, "unconfirmed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, release := busy(t)
			_, x := s.ReadQueued(t.Context(), stream("l/x").At(0))
			begin(t, s, blindly("l/x", "blind"))
			check := x.Commit()
			check.ExpectCommands = []eventstore.CommandExpectation{{CommandID: "blind", Applied: true}}
			check.Unconfirmed = unconfirmed
			checked := begin(t, s, check)
			release()
			require.ErrorIs(t, (<-checked).err, eventstore.ErrConflict)
		})
	}
}

// A commit repeats a command without saying its digest, and is queued. Meanwhile a check asks with
// the same command id and another digest than the stored one.
func TestCheck_ofAReusedCommandBehindARepetition(t *testing.T) {
	t.Parallel()
	c, cfg := ledgers(t)
	s := open(t, cfg)
	first := blindly("l/x", "c")
	first.Digest = "one"
	_, err := s.Append(t.Context(), first)
	require.NoError(t, err)
	release := keepBusy(t, c, s, blindly("l/z", ""))
	repeated := begin(t, s, blindly("l/x", "c"))
	check := eventstore.To(stream("l/x"), 1)
	check.CommandID, check.Digest = "c", "two"
	checked := begin(t, s, check)
	release()
	require.NoError(t, (<-repeated).err)
	require.ErrorIs(t, (<-checked).err, eventstore.ErrCommandReused)
}

// x has a commit that is queued, and is read together with y. Before that commit is stored, another
// store claims and appends to y. Then the first store claims again and stores its commit, in the
// place in which it was shown. So x at 1 and y at 0 never stood together.
func TestCheck_acrossClaims(t *testing.T) {
	t.Parallel()
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	appended := begin(t, s, joined(t, s, []string{"l/x"}))
	<-arrived
	check := joined(t, s, nil, "l/x", "l/y")
	require.EqualValues(t, 1, check.Expect[0].Version)
	check.Unconfirmed = true
	checked := begin(t, s, check)

	heir := heirOf(t, cfg)
	_, err := heir.Append(t.Context(), joined(t, heir, []string{"l/y"}))
	require.NoError(t, err)
	release()
	require.NoError(t, (<-appended).err)
	require.ErrorIs(t, (<-checked).err, eventstore.ErrConflict)
}

// x has a commit that is queued. Before it is stored, another store claims, and writes to x and y
// in one commit. The first store has read that commit, and has not yet decided anew on its own. A
// reader of x and y sees all of the other store's commit.
func TestReadQueued_isNotTornAcrossClaims(t *testing.T) {
	t.Parallel()
	c, cfg := ledgers(t)
	s := open(t, cfg)
	_, arrived, release := gate(t, c)
	appended := begin(t, s, joined(t, s, []string{"l/x"}))
	<-arrived

	heir := heirOf(t, cfg)
	other := joined(t, heir, []string{"l/x", "l/y"})
	_, err := heir.Append(t.Context(), other)
	require.NoError(t, err)
	claims, claim := make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(claims)
		c.SleepControl(func() { <-claim })
		return nil, nil, false
	})
	release()
	<-claims
	xs, x := s.ReadQueued(t.Context(), stream("l/x").At(0))
	ys, _ := s.ReadQueued(t.Context(), stream("l/y").At(0), x)
	var seen []string
	for _, all := range []iter.Seq2[eventstore.Record, error]{xs, ys} {
		for r, err := range all {
			require.NoError(t, err)
			seen = append(seen, r.ID)
		}
	}
	close(claim)
	require.Equal(t, []string{other.Records[0].ID, other.Records[1].ID}, seen)
	require.ErrorIs(t, (<-appended).err, eventstore.ErrConflict)
}

// A command whose commit is queued beside the line is not applied yet for those who read, as its
// events are not there.
func TestApplied_ofACommitBesideTheLine(t *testing.T) {
	t.Parallel()
	s, release := busy(t)
	appended := begin(t, s, blindly("l/x", "blind"))
	_, x := s.ReadQueued(t.Context(), stream("l/x").At(0))
	require.EqualValues(t, 0, x.Version)
	applied, err := s.Applied(t.Context(), stream("l/y"), "blind", x)
	require.NoError(t, err)
	require.False(t, applied)
	release()
	require.NoError(t, (<-appended).err)
	_, err = s.Applied(t.Context(), stream("l/y"), "blind", x)
	require.ErrorIs(t, err, eventstore.ErrConflict)
	applied, err = s.Applied(t.Context(), stream("l/y"), "blind")
	require.NoError(t, err)
	require.True(t, applied)
}

// Streams were read apart. Then the owner stores something, and another store claims and moves one
// of them. No check of both is confirmed after that: the proof is from before the call.
func TestCheck_ofStreamsReadApart(t *testing.T) {
	t.Parallel()
	_, cfg := ledgers(t)
	former := open(t, cfg)
	_, a := former.ReadQueued(t.Context(), stream("l/a").At(0))
	_, b := former.ReadQueued(t.Context(), stream("l/b").At(0))
	_, err := former.Append(t.Context(), blindly("l/z", ""))
	require.NoError(t, err)
	_, err = heirOf(t, cfg).Append(t.Context(), blindly("l/b", ""))
	require.NoError(t, err)
	_, err = former.Append(t.Context(), eventstore.Join(a.Commit(), b.Commit()))
	require.ErrorIs(t, err, eventstore.ErrConflict)
}

// A command has two commits in the queue. One is withdrawn, and the other one is in a line and goes
// on to be known. So a repetition of the command is not refused for its own doing.
func TestApplied_knowsTheOtherCommitOfACommand(t *testing.T) {
	t.Parallel()
	s, release := busy(t)
	commit := joined(t, s, []string{"l/a"})
	commit.CommandID = "X"
	leaving, leave := context.WithCancel(t.Context())
	left := beginWith(leaving, s, blindly("l/b", "X"))
	stored := begin(t, s, commit)
	leave()
	require.ErrorIs(t, (<-left).err, context.Canceled)
	applied, err := s.Applied(t.Context(), stream("l/b"), "X")
	require.NoError(t, err)
	require.True(t, applied)
	check := eventstore.To(stream("l/c"), eventstore.NoStream)
	check.CommandID = "X"
	checked := begin(t, s, check)
	release()
	require.NoError(t, (<-stored).err)
	again := <-checked
	require.NoError(t, again.err)
	require.True(t, again.Repeated)
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
