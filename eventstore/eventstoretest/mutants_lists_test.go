package eventstoretest_test

import (
	"context"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
)

type nextEach = func(context.Context, []eventstore.Commit) []eventstore.Answer

// appendingEach replaces what the store does with lists. The function next is the one that it
// replaces.
func appendingEach(
	replace func(ctx context.Context, w *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer,
) func(*wrapped) {
	return func(w *wrapped) {
		inner := w.each
		w.each = func(ctx context.Context, list []eventstore.Commit) []eventstore.Answer {
			return replace(ctx, w, list, inner)
		}
	}
}

func listMutants() []mutant {
	return []mutant{
		{name: "answers a list in another order", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				answers := next(ctx, list)
				slices.Reverse(answers)
				return answers
			})},
		{name: "appends a list in another order", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				list = slices.Clone(list)
				slices.Reverse(list)
				answers := next(ctx, list)
				slices.Reverse(answers)
				return answers
			})},
		{name: "appends a list at once, as it comes", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				answers := make([]eventstore.Answer, len(list))
				var group sync.WaitGroup
				for i := range list {
					group.Go(func() { answers[i] = next(ctx, list[i:i+1])[0] })
				}
				group.Wait()
				return answers
			})},
		{name: "stops at the first commit of a list that fails", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				answers := make([]eventstore.Answer, len(list))
				for i := range list {
					if i > 0 && answers[i-1].Err != nil {
						answers[i] = answers[i-1]
						continue
					}
					answers[i] = next(ctx, list[i:i+1])[0]
				}
				return answers
			})},
		{name: "appends all of a list or nothing", caughtBy: caughtBy(lists), breaks: allOrNothing},
		{name: "loses the last commit of a list", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				if len(list) < 2 {
					return next(ctx, list)
				}
				answers := next(ctx, list[:len(list)-1])
				return append(answers, answers[len(answers)-1])
			})},
		{name: "does not answer the last commit of a list", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				return next(ctx, list[:max(0, len(list)-1)])
			})},
		{name: "judges a list by the state before it", caughtBy: caughtBy(lists), breaks: judgingByBefore},
		{name: "knows no command of the list itself", caughtBy: caughtBy(lists), breaks: forgettingItsCommands},
		{name: "makes one commit of a list", caughtBy: caughtBy(lists), breaks: oneCommitOfAll},
		{name: "takes checks in lists", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, w *wrapped, list []eventstore.Commit, _ nextEach) []eventstore.Answer {
				answers := make([]eventstore.Answer, len(list))
				for i, c := range list {
					answers[i].Result, answers[i].Err = w.Append(ctx, c)
				}
				return answers
			})},
		{name: "appends a list for a context that has ended", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				return next(context.WithoutCancel(ctx), list)
			})},
		{name: "goes on with a list behind what it has taken back", caughtBy: caughtBy(lists), breaks: eachUnder(
			func(ctx context.Context, i int, before []eventstore.Answer) context.Context {
				if i%7 == 0 && before[0].Err == nil {
					return context.WithoutCancel(ctx)
				}
				return ctx
			}, func(context.Context, []eventstore.Answer) {})},
		{name: "says that a list failed of which it has stored some", caughtBy: caughtBy(lists), breaks: eachUnder(
			func(ctx context.Context, _ int, _ []eventstore.Answer) context.Context { return ctx },
			func(ctx context.Context, answers []eventstore.Answer) {
				for i := range answers {
					if ctx.Err() != nil {
						answers[i] = eventstore.Answer{Err: context.Cause(ctx)}
					}
				}
			})},
		{name: "answers an empty list", caughtBy: caughtBy(lists), breaks: appendingEach(
			func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
				return append(next(ctx, list), make([]eventstore.Answer, max(0, 1-len(list)))...)
			})},
		{name: "appends a list to a closed store", caughtBy: caughtBy(closing), breaks: appendingEach(
			func(ctx context.Context, w *wrapped, list []eventstore.Commit, _ nextEach) []eventstore.Answer {
				return w.good.AppendEach(ctx, list)
			})},
		{
			name: "compares the versions of a list, and stores it later", caughtBy: caughtBy(lists),
			breaks: versionsFirst, races: true,
		},
	}
}

// eachUnder appends the commits of a list one after the other, and lets others come between. Each
// but the first has the context that under returns. Then change changes the answers.
func eachUnder(
	under func(ctx context.Context, i int, before []eventstore.Answer) context.Context,
	change func(ctx context.Context, answers []eventstore.Answer),
) func(*wrapped) {
	return appendingEach(
		func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
			var answers []eventstore.Answer
			for i := range list {
				one := ctx
				if i > 0 {
					one = under(ctx, i, answers)
				}
				answers = append(answers, next(one, list[i:i+1])...)
				letOthers()
			}
			change(ctx, answers)
			return answers
		})
}

// allOrNothing appends nothing of a list if one of its commits is bad.
func allOrNothing(w *wrapped) {
	appendingEach(func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
		for _, c := range list {
			err := eventstore.RefuseCheck(c)
			if err == nil {
				err = eventstore.Check(c, keyOf(c))
			}
			if err != nil {
				return slices.Repeat([]eventstore.Answer{{Err: err}}, len(list))
			}
		}
		return next(ctx, list)
	})(w)
}

// before returns what a list's commits expect as it stands before the list: the first conflict of
// each, or nil.
func (w *wrapped) before(ctx context.Context, list []eventstore.Commit) []error {
	wrong := make([]error, len(list))
	for i, c := range list {
		for _, e := range c.Expect {
			if actual := w.length(ctx, e.Stream); wrong[i] == nil && !e.Version.Met(actual) {
				wrong[i] = &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: actual}
			}
		}
	}
	return wrong
}

// judgingByBefore compares versions with those that were there before the list.
func judgingByBefore(w *wrapped) {
	appendingEach(func(ctx context.Context, w *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
		wrong := w.before(ctx, list)
		list = slices.Clone(list)
		for i := range list {
			if wrong[i] == nil && len(list[i].Records) > 0 {
				list[i].Expect = nil
			}
		}
		answers := next(ctx, list)
		for i, err := range wrong {
			if err != nil && answers[i].Err == nil && !answers[i].Result.Repeated {
				answers[i] = eventstore.Answer{Err: err}
			}
		}
		return answers
	})(w)
}

// forgettingItsCommands stores a command of a list as often as it is in the list.
func forgettingItsCommands(w *wrapped) {
	appendingEach(func(ctx context.Context, _ *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
		list = slices.Clone(list)
		seen := make(map[string]bool)
		for i := range list {
			c := &list[i]
			if c.CommandID == "" || len(c.Records) == 0 {
				continue
			}
			if name := keyOf(*c).Of(c.Stream().ID) + " " + c.CommandID; seen[name] {
				c.CommandID, c.Digest, c.Records = "", "", slices.Clone(c.Records)
				for j := range c.Records {
					c.Records[j].CommandID, c.Records[j].CommandDigest = "", ""
				}
			} else {
				seen[name] = true
			}
		}
		return next(ctx, list)
	})(w)
}

// oneCommitOfAll joins two neighbours in a list that have one partition key, no command and no
// expectation.
func oneCommitOfAll(w *wrapped) {
	appendingEach(func(ctx context.Context, w *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
		expects := func(e eventstore.Expectation) bool { return e.Version != eventstore.Any }
		plain := func(c eventstore.Commit) bool {
			return c.CommandID == "" && len(c.Records) > 0 && len(c.ExpectCommands) == 0 &&
				!slices.ContainsFunc(c.Expect, expects)
		}
		for i := 0; i+1 < len(list); i++ {
			if !plain(list[i]) || !plain(list[i+1]) {
				continue
			}
			both := eventstore.Commit{Records: append(slices.Clone(list[i].Records), list[i+1].Records...)}
			if eventstore.Check(both, keyOf(both)) != nil {
				continue
			}
			answers := next(ctx, list[:i])
			result, err := w.Append(ctx, both)
			answer := eventstore.Answer{Result: result, Err: err}
			return append(append(answers, answer, answer), next(ctx, list[i+2:])...)
		}
		return next(ctx, list)
	})(w)
}

// versionsFirst judges each commit of a list when it comes to it, and appends it later wherever its
// streams end.
func versionsFirst(w *wrapped) {
	appendingEach(func(ctx context.Context, w *wrapped, list []eventstore.Commit, next nextEach) []eventstore.Answer {
		var answers []eventstore.Answer
		for i := range list {
			c := list[i]
			if err := w.before(ctx, list[i:i+1])[0]; err == nil && len(c.Records) > 0 && ctx.Err() == nil {
				c.Expect = nil
				letOthers()
			}
			answers = append(answers, next(ctx, []eventstore.Commit{c})...)
		}
		return answers
	})(w)
}
