package eventstoretest

import (
	"context"
	"errors"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// readTogetherHolds reads streams for one decision, while nothing is queued.
func readTogetherHolds(t test, s *suite) {
	ctx, l := s.context(t), s.ledger()
	streams := l.streams("a", "b", "c", "never written")
	a, b, c := streams[0], streams[1], streams[2]
	_, want := s.commit(ctx, t, s.over(6, a, b, c))

	records, at, err := s.readTogether(ctx, nil, streams...)
	must(t, "reading streams together", err)
	for i, stream := range streams {
		same(t, "a stream that is read with others", records[i], of(stream, want))
	}
	for _, unconfirmed := range []bool{false, true} {
		check := checkOf(at...)
		check.Unconfirmed = unconfirmed
		_, err = s.store.Append(ctx, check)
		must(t, "a check of streams that were read together", err)
	}
	other := s.over(1, l.stream("d")) // which nobody has read
	_, more := s.commit(ctx, t, other)
	want = append(want, more...)
	decided := s.over(3, a, b)
	decided.Expect = at
	_, more = s.commit(ctx, t, decided)
	want = append(want, more...)

	again := s.over(1, c) // which has not changed since it was read
	again.Expect = at
	_, err = s.store.Append(ctx, again)
	conflictOf(t, err, passed(at[0], 4), passed(at[1], 3))
	s.holds(ctx, t, "after decisions on streams that were read together", l, want)
	s.tornReadsRefused(ctx, t, a, b, c)
	s.readApartIsNotTogether(ctx, t)
	s.commandsAreOfTheSameMoment(ctx, t)
}

// at0 returns the conflict of an expectation of a stream that is at a version.
func passed(e eventstore.Expectation, actual int64) error {
	return &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: actual}
}

// tornReadsRefused changes the first stream before the second one is read with it.
func (s *suite) tornReadsRefused(ctx context.Context, t test, a, b, c eventstore.Stream) {
	t.Helper()
	_, atA := s.store.ReadQueued(ctx, a.At(0))
	_, err := collect(firstOf(s.store.ReadQueued(ctx, a.At(0), atA)))
	must(t, "reading a stream again that has not changed", err)
	s.commit(ctx, t, s.over(2, a, b))
	_, err = collect(firstOf(s.store.ReadQueued(ctx, a.At(0), atA)))
	conflictOf(t, err, passed(atA, int64(atA.Version)+1))
	all, atB := s.store.ReadQueued(ctx, b.At(0), atA)
	records, err := collect(all)
	conflictOf(t, err, passed(atA, int64(atA.Version)+1))
	if len(records) > 0 {
		fatal(t, "a read that would be torn yields records", len(records))
	}
	commit := s.over(1, b)
	commit.Expect = []eventstore.Expectation{atB}
	for what, c := range map[string]eventstore.Commit{
		"a commit": commit, "a check": checkOf(atB), "a check of all": checkOf(atA, atB),
	} {
		_, err := s.store.Append(ctx, c)
		conflict(t, what+" with the expectation of a read that failed", err)
	}

	_, atA = s.store.ReadQueued(ctx, a.At(0))
	_, atB = s.store.ReadQueued(ctx, b.At(0), atA)
	s.commit(ctx, t, s.over(1, a))
	_, err = collect(firstOf(s.store.ReadQueued(ctx, c.At(0), atA, atB))) // of which only b stands as it was read
	conflictOf(t, err, passed(atA, int64(atA.Version)+1))

	_, atA = s.store.ReadQueued(ctx, a.At(0))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = collect(firstOf(s.store.ReadQueued(ended, b.At(0), atA)))
	if !errors.Is(err, context.Canceled) {
		fatal(t, "reading streams together with a context that has ended does not fail with its error", err)
	}
}

// readApartIsNotTogether reads two streams, each by itself. A commit to both comes between. So no
// moment has been at which both stood as they were read.
func (s *suite) readApartIsNotTogether(ctx context.Context, t test) {
	t.Helper()
	streams := s.ledger().streams("a", "b")
	_, atA := s.store.ReadQueued(ctx, streams[0].At(0))
	s.commit(ctx, t, s.over(2, streams...))
	_, atB := s.store.ReadQueued(ctx, streams[1].At(0))
	commit := s.over(1, streams[1])
	commit.Expect = []eventstore.Expectation{atA, atB}
	for what, c := range map[string]eventstore.Commit{
		"a check": checkOf(atA, atB), "a check in another order": checkOf(atB, atA), "a commit": commit,
	} {
		_, err := s.store.Append(ctx, c)
		if !saysConflict(err, passed(atA, 1)) {
			fatal(t, what+" of streams that never stood together as they were read is not refused for that", err)
		}
	}
}

// commandsAreOfTheSameMoment reads a stream, and then makes a command that changes it. So the
// stream has never stood as it was read while the command was applied.
func (s *suite) commandsAreOfTheSameMoment(ctx context.Context, t test) {
	t.Helper()
	l, command := s.ledger(), ids.New()
	_, at := s.store.ReadQueued(ctx, l.stream("a").At(0))
	made := s.over(2, l.streams("a", "b")...)
	made.CommandID = command
	s.commit(ctx, t, made)
	check := checkOf(at)
	check.ExpectCommands = []eventstore.CommandExpectation{isApplied(command)}
	_, err := s.store.Append(ctx, check)
	if !saysConflict(err, passed(at, 1)) {
		fatal(t, "a check of a stream and of a command that changed it is not refused for that", err)
	}
}
