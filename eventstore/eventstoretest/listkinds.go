package eventstoretest

import (
	"context"
	"errors"
	"reflect"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// listOfAllKinds appends one list of commits to all categories: some succeed, and some fail in each
// way. Then it overwrites the list.
func (s *suite) listOfAllKinds(ctx context.Context, t test) {
	t.Helper()
	a, b, l, command := s.stream(0), s.stream(1), s.ledger(), ids.New()
	first := eventstore.To(a, eventstore.NoStream, digested(s.records(2, command), "d-1")...)
	second := eventstore.To(a, 2, s.records(1, "")...)
	other := eventstore.To(b, eventstore.Any, s.records(2, "")...)
	several := s.over(4, l.streams("a", "b")...)
	after := eventstore.To(a, 3, s.records(1, "")...)
	after.ExpectCommands = []eventstore.CommandExpectation{isApplied(command)}
	rival := eventstore.To(a, eventstore.Any, s.records(1, "")...)
	rival.ExpectCommands = []eventstore.CommandExpectation{notApplied(command)}
	elsewhere := eventstore.To(eventstore.Stream{Category: "Nowhere", ID: "a"}, eventstore.Any, s.records(1, "")...)
	unsound := s.over(2, l.stream("a"), s.ledger().stream("a")) // of two partition keys
	list := []eventstore.Commit{
		first, eventstore.To(a, 1, s.records(1, "")...), second, other,
		eventstore.To(a, 7, digested(s.records(1, command), "d-1")...),
		eventstore.To(a, eventstore.Any, digested(s.records(1, command), "d-2")...),
		eventstore.To(a, 3), unsound, elsewhere, rival, several, after,
	}
	answers := s.store.AppendEach(ctx, list)
	if len(answers) != len(list) {
		fatal(t, "a list has not an answer for each commit", len(answers), "expected", len(list))
	}
	failed := func(i int) error {
		if !reflect.DeepEqual(answers[i].Result, eventstore.Result{}) {
			fatal(t, "a commit of a list that fails has a result", i, answers[i])
		}
		return answers[i].Err
	}
	conflicts(t, failed(1), a, 1, 2)
	again := answers[0].Result
	again.Repeated, again.Time = true, eventstore.Result{}.Time
	if answers[4].Err != nil || !reflect.DeepEqual(answers[4].Result, again) {
		fatal(t, "a command that an earlier commit of the list has is not answered as repeated", answers[4], again)
	}
	reused(t, failed(5), eventstore.CommandReusedError{
		Stream: a, CommandID: command, Stored: "d-1", Given: "d-2", Wrote: []eventstore.Stream{a},
	})
	refusedAsInvalid(t, failed(6), eventstore.RefuseCheck(list[6]))
	refusedAsInvalid(t, failed(7), eventstore.Check(unsound, eventstore.BeforeSlash))
	if !errors.Is(failed(8), eventstore.ErrInvalid) {
		fatal(t, "a commit of a list to a category that the store does not hold is not refused", answers[8].Err)
	}
	conflictOf(t, failed(9), &eventstore.CommandConflictError{Stream: a, CommandID: command, Applied: true})

	want := make(map[eventstore.Stream][]eventstore.Record)
	for _, i := range []int{0, 2, 3, 10, 11} {
		must(t, "a commit of a list whose expectations hold", answers[i].Err)
		for _, r := range storedCommit(list[i], answers[i].Result) {
			want[r.Stream()] = append(want[r.Stream()], r)
		}
	}
	for i := range list {
		for j := range list[i].Records {
			clear(list[i].Records[j].Value)
		}
		list[i] = eventstore.Commit{}
	}
	for stream, records := range want {
		same(t, "a stream that a list was appended to", s.load(ctx, t, stream), records)
	}
}

// listForEndedContext appends lists whose context has ended before.
func (s *suite) listForEndedContext(ctx context.Context, t test) {
	t.Helper()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	stream, l := s.stream(0), s.ledger()
	list := []eventstore.Commit{
		eventstore.To(stream, eventstore.Any, s.records(1, "")...), s.over(2, l.streams("a", "b")...),
		eventstore.To(stream, eventstore.Any, s.records(1, "")...),
	}
	answers := s.store.AppendEach(ended, list)
	if len(answers) != len(list) {
		fatal(t, "a list whose context has ended has not an answer for each commit", len(answers))
	}
	for i, a := range answers {
		if !errors.Is(a.Err, context.Canceled) || errors.Is(a.Err, eventstore.ErrOutcomeUnknown) {
			fatal(t, "a commit of a list whose context has ended does not fail with its error", a.Err)
		}
		same(t, "a stream of a list whose context has ended", s.load(ctx, t, list[i].Stream()), nil)
	}
}
