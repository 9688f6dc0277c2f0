package eventstoretest

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

const (
	commandRounds = 6
	rivalRounds   = 15
)

// severalStoredOnce sends one command from many goroutines at once, with other records each time.
// In some rounds half of them send it to other streams. Then the ones that come first win.
func severalStoredOnce(t test, s *suite) {
	ctx := s.context(t)
	for round := range commandRounds {
		l, command := s.ledger(), ids.New()
		streams := l.streams("a", "b", "c")
		_, before := s.commit(ctx, t, s.over(1+round, streams[:2]...))
		var (
			group   sync.WaitGroup
			commits [writers]eventstore.Commit
			results [writers]eventstore.Result
			errs    [writers]error
		)
		for n := range writers {
			to := slices.Clone(streams[:2])
			if n%2 == 1 {
				slices.Reverse(to)
				to[1] = streams[2*(round%2)] // in odd rounds it is another stream
			}
			commits[n] = s.over(2+n%3, to...)
			commits[n].CommandID, commits[n].Digest = command, "d-1"
			if n%4 == 0 {
				commits[n] = expecting(commits[n], l.streams("never written"), eventstore.NoStream)
			}
			group.Go(func() { results[n], errs[n] = s.store.Append(ctx, commits[n]) })
		}
		group.Wait()
		won := onlyFirst(t, results[:], errs[:])
		wins := storedCommit(commits[won], results[won])
		for n, err := range errs {
			s.answered(t, commits[n], commits[won], results[won], results[n], err, n == won)
		}
		s.holds(ctx, t, "after a command was sent many times", l, append(before, wins...))
		s.sentAgain(ctx, t, l, commits[won], results[won])
		s.holds(ctx, t, "after a command was sent again", l, append(before, wins...))
	}
}

// onlyFirst returns the place of the one append that says that it was the first.
func onlyFirst(t test, results []eventstore.Result, errs []error) int {
	t.Helper()
	won := -1
	for n, r := range results {
		if errs[n] != nil || r.Repeated {
			continue
		}
		if won >= 0 {
			fatal(t, "two appends of one command both say that they were the first", results)
		}
		won = n
	}
	if won < 0 {
		fatal(t, "no append of a command says that it was the first", results, errs)
	}
	return won
}

// answered fails unless the store answers an append of a command as it must, beside the first one.
func (s *suite) answered(
	t test, c, first eventstore.Commit, result, found eventstore.Result, err error, isFirst bool,
) {
	t.Helper()
	if !slices.Equal(sorted(c.Streams()), sorted(first.Streams())) {
		reused(t, err, eventstore.CommandReusedError{
			Stream: c.Stream(), CommandID: c.CommandID, Stored: first.Digest, Given: c.Digest, Wrote: first.Streams(),
		})
		return
	}
	must(t, "a command sent many times at once", err)
	if want := again(result); !isFirst && !reflect.DeepEqual(found, want) {
		fatal(t, "appends of one command have different results", found, "expected", want)
	}
}

// sentAgain sends a command that is stored: in other ways, with the same id to other streams, as a
// check, and in another partition key.
func (s *suite) sentAgain(ctx context.Context, t test, l ledger, first eventstore.Commit, result eventstore.Result) {
	t.Helper()
	streams := first.Streams()
	backwards := slices.Clone(streams)
	slices.Reverse(backwards)
	more := append(slices.Clone(streams), l.stream("d"))
	check := func(stream eventstore.Stream) eventstore.Commit { return eventstore.To(stream, 9) }
	for _, x := range []struct {
		what   string
		commit eventstore.Commit
		digest string
		reused bool
	}{
		{"in another order", s.over(5, backwards...), "d-1", false},
		{"without a digest", s.over(2, streams...), "", false},
		{"with another digest", s.over(2, streams...), "d-2", true},
		{"to one of the streams", s.over(2, streams[0]), "d-1", true},
		{"to one more stream", s.over(3, more...), "d-1", true},
		{"to a stream that it did not write", s.over(2, l.stream("d")), "", true},
		{"as a check of another stream", check(l.stream("d")), "d-1", false},
		{"as a check with another digest", check(streams[0]), "d-2", true},
	} {
		c := x.commit
		c.CommandID, c.Digest = first.CommandID, x.digest
		if len(c.Records) > 0 { // whatever is expected
			c = expecting(c, []eventstore.Stream{l.stream("never written")}, 7)
			c.ExpectCommands = []eventstore.CommandExpectation{notApplied(first.CommandID)}
		}
		found, err := s.store.Append(ctx, c)
		if x.reused {
			reused(t, err, eventstore.CommandReusedError{
				Stream: c.Stream(), CommandID: c.CommandID, Stored: "d-1", Given: x.digest, Wrote: streams,
			})
			continue
		}
		must(t, "a command that is sent again "+x.what, err)
		if want := again(result); !reflect.DeepEqual(found, want) {
			fatal(t, "a command that is sent again "+x.what+" has another result", found, "expected", want)
		}
	}
	other := s.ledger()
	s.applied(ctx, t, other.stream("a"), first.CommandID, false)
	elsewhere := s.over(2, other.streams("a", "b")...)
	elsewhere.CommandID, elsewhere.Digest = first.CommandID, "d-2"
	_, want := s.commit(ctx, t, elsewhere)
	s.holds(ctx, t, "a command id of another partition key", other, want)
	s.applied(ctx, t, other.stream("c"), first.CommandID, true)
}

// applied fails unless the store says whether the command is applied in the stream's partition key.
func (s *suite) applied(ctx context.Context, t test, stream eventstore.Stream, command string, want bool) {
	t.Helper()
	found, err := s.store.Applied(ctx, stream, command)
	must(t, "asking for a command", err)
	if found != want {
		fatal(t, "the store is wrong about whether a command is applied", "found", found, "expected", want)
	}
}

// appliedWith asks for a command together with streams that were read before.
// It moves one of them, and returns the record of that.
func (s *suite) appliedWith(ctx context.Context, t test, l ledger, command string) []eventstore.Record {
	t.Helper()
	_, a := s.store.ReadQueued(ctx, l.stream("a").At(0))
	_, b := s.store.ReadQueued(ctx, l.stream("b").At(0), a)
	for _, stream := range l.streams("a", "b", "never written") {
		found, err := s.store.Applied(ctx, stream, command, a, b)
		must(t, "asking for a command together with streams", err)
		if !found {
			fatal(t, "a command is not known together with streams", stream)
		}
	}
	_, moved := s.commit(ctx, t, s.over(1, l.stream("a")))
	_, err := s.store.Applied(ctx, l.stream("b"), command, b, a)
	conflictOf(t, err, &eventstore.ConflictError{Stream: a.Stream, Expected: a.Version, Actual: int64(a.Version) + 1})
	return moved
}

// commandsExpected appends what rests on commands that are applied, or are not.
func commandsExpected(t test, s *suite) {
	ctx, l := s.context(t), s.ledger()
	a, b := l.stream("a"), l.stream("b")
	command, none := ids.New(), ids.New()
	for _, stream := range []eventstore.Stream{a, b, s.stream(0)} {
		s.applied(ctx, t, stream, command, false)
	}
	made := s.over(2, a, b)
	made.CommandID = command
	_, want := s.commit(ctx, t, made)
	for _, stream := range []eventstore.Stream{a, b, l.stream("never written")} {
		s.applied(ctx, t, stream, command, true)
	}
	s.applied(ctx, t, s.ledger().stream("a"), command, false)
	want = append(want, s.appliedWith(ctx, t, l, command)...)

	type expect = []eventstore.CommandExpectation
	for _, x := range []struct {
		expect expect
		wrong  int // which of them does not hold, from 1
	}{
		{expect{isApplied(command)}, 0},
		{expect{notApplied(none)}, 0},
		{expect{notApplied(none), isApplied(command)}, 0},
		{expect{notApplied(command)}, 1},
		{expect{isApplied(none)}, 1},
		{expect{isApplied(command), isApplied(none)}, 2},
		{expect{notApplied(none), notApplied(command)}, 2},
	} {
		commit := s.over(1, b)
		check := eventstore.To(l.stream("never written"), eventstore.NoStream)
		for _, c := range []eventstore.Commit{commit, check} {
			c.ExpectCommands = x.expect
			result, err := s.store.Append(ctx, c)
			if x.wrong > 0 {
				e := x.expect[x.wrong-1]
				conflictOf(t, err, &eventstore.CommandConflictError{
					Stream: b, CommandID: e.CommandID, Applied: !e.Applied,
				})
				continue
			}
			must(t, "an append whose expectations of commands hold", err)
			if len(c.Records) > 0 {
				want = append(want, storedCommit(c, result)...)
			}
		}
	}
	s.holds(ctx, t, "after commits that expect commands", l, want)
	s.commandsOfOneStream(ctx, t)
	s.oneRivalWins(ctx, t)
}

// isApplied expects that a command is applied.
func isApplied(id string) eventstore.CommandExpectation {
	return eventstore.CommandExpectation{CommandID: id, Applied: true}
}

// notApplied expects that a command is not applied.
func notApplied(id string) eventstore.CommandExpectation {
	return eventstore.CommandExpectation{CommandID: id}
}

// commandsOfOneStream asks for commands where the whole id is the partition key.
func (s *suite) commandsOfOneStream(ctx context.Context, t test) {
	t.Helper()
	stream, other, command := s.stream(0), s.stream(0), ids.New()
	s.append(ctx, t, stream, eventstore.NoStream, s.records(2, command)...)
	s.applied(ctx, t, stream, command, true)
	s.applied(ctx, t, other, command, false)
	c := eventstore.To(other, eventstore.Any, s.records(1, "")...)
	c.ExpectCommands = []eventstore.CommandExpectation{isApplied(command)}
	_, err := s.store.Append(ctx, c)
	conflictOf(t, err, &eventstore.CommandConflictError{Stream: other, CommandID: command})
}

// oneRivalWins appends two commits at once, each of which expects that the command of the other is
// not applied.
func (s *suite) oneRivalWins(ctx context.Context, t test) {
	t.Helper()
	for range rivalRounds {
		l, commands := s.ledger(), []string{ids.New(), ids.New()}
		var (
			group   sync.WaitGroup
			commits [2]eventstore.Commit
			results [2]eventstore.Result
			errs    [2]error
			want    []eventstore.Record
		)
		for n := range commits {
			commits[n] = s.over(2, l.streams("both", commands[n])...)
			commits[n].CommandID = commands[n]
			commits[n].ExpectCommands = []eventstore.CommandExpectation{notApplied(commands[1-n])}
			group.Go(func() { results[n], errs[n] = s.store.Append(ctx, commits[n]) })
		}
		group.Wait()
		for n, err := range errs {
			if err != nil {
				conflictOf(t, err, &eventstore.CommandConflictError{
					Stream: l.stream("both"), CommandID: commands[1-n], Applied: true,
				})
				continue
			}
			if want != nil {
				fatal(t, "two commits succeed that each expect that the other's command is not applied")
			}
			want = storedCommit(commits[n], results[n])
		}
		s.holds(ctx, t, "after two rivals", l, want)
	}
}
