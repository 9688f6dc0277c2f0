package eventstoretest_test

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
)

// committing replaces the append of w, for commits and checks alike. The function next is the one
// that it replaces.
func committing(
	replace func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error),
) func(*wrapped) {
	return func(w *wrapped) {
		next := w.append
		w.append = func(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
			c.Expect, c.ExpectCommands = slices.Clone(c.Expect), slices.Clone(c.ExpectCommands)
			return replace(ctx, c, next)
		}
	}
}

type nextCommit = func(context.Context, eventstore.Commit) (eventstore.Result, error)

// letOthers lets other goroutines come between.
func letOthers() {
	for range 50 {
		runtime.Gosched()
	}
}

// unwritten returns the expectations of streams to which the commit does not write, and the others.
func unwritten(c eventstore.Commit) (unwritten, others []eventstore.Expectation) {
	for _, e := range c.Expect {
		if slices.Contains(c.Streams(), e.Stream) {
			others = append(others, e)
		} else {
			unwritten = append(unwritten, e)
		}
	}
	return unwritten, others
}

func expectationMutants() []mutant {
	return []mutant{
		{
			name:     "expects nothing of streams that it does not write",
			caughtBy: caughtBy(ledgerModel, skew, bank), races: true,
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if len(c.Records) > 0 {
					_, c.Expect = unwritten(c)
				}
				return next(ctx, c)
			}),
		},
		{
			name:     "expects nothing of streams that it writes beside the first",
			caughtBy: caughtBy(ledgerModel, bank), races: true,
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if written := c.Streams(); len(written) > 1 {
					c.Expect = slices.DeleteFunc(c.Expect, func(e eventstore.Expectation) bool {
						return slices.Contains(written[1:], e.Stream)
					})
				}
				return next(ctx, c)
			}),
		},
		{
			name:     "looks at the first expectation alone",
			caughtBy: caughtBy(ledgerModel, skew, bank),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.Expect = c.Expect[:min(1, len(c.Expect))]
				return next(ctx, c)
			}),
		},
		{
			name:     "compares the streams that it does not write, and appends later",
			caughtBy: caughtBy(skew), races: true,
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if only, others := unwritten(c); len(only) > 0 && len(c.Records) > 0 {
					if result, err := next(ctx, eventstore.Commit{Expect: withoutTips(only)}); err != nil {
						return result, err
					}
					c.Expect = others
					letOthers()
				}
				return next(ctx, c)
			}),
		},
		{
			name: "checks one stream after the other", caughtBy: caughtBy(skew, together), races: true,
			breaks: oneCheckAfterTheOther,
		},
		{
			name:     "names an expectation that holds",
			caughtBy: caughtBy(ledgerModel, together),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				result, err := next(ctx, c)
				if conflict := conflictIn(err); conflict != nil {
					conflict.Stream = c.Expect[0].Stream
				}
				return result, err
			}),
		},
		{
			name:     "forgets what is expected behind the 255th",
			caughtBy: caughtBy(widest),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.Expect = c.Expect[:min(255, len(c.Expect))]
				return next(ctx, c)
			}),
		},
	}
}

// afterOthers returns a function that waits until so many commits have come between, if they come
// soon.
func afterOthers(w *wrapped) (wait func(commits int64)) {
	var stored atomic.Int64
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		result, err := next(ctx, c)
		if len(c.Records) > 0 && err == nil {
			stored.Add(1)
		}
		return result, err
	})(w)
	return func(commits int64) {
		until := stored.Load() + commits
		for i := 0; i < 2_000 && stored.Load() < until; i++ {
			runtime.Gosched()
		}
	}
}

// oneCheckAfterTheOther lets a few commits come between the checks of two streams.
func oneCheckAfterTheOther(w *wrapped) {
	wait := afterOthers(w)
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		if len(c.Records) > 0 || len(c.Expect) < 2 {
			return next(ctx, c)
		}
		for _, e := range c.Expect {
			c.Expect = []eventstore.Expectation{e}
			if result, err := next(ctx, c); err != nil || result.Repeated {
				return result, err
			}
			wait(3)
		}
		return eventstore.Result{}, nil
	})(w)
}

func withoutTips(expect []eventstore.Expectation) []eventstore.Expectation {
	bare := slices.Clone(expect)
	for i := range bare {
		bare[i].Tip = nil
	}
	return bare
}

// reading replaces what w does when a stream is read for a decision.
func reading(
	replace func(
		ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
	) (records, eventstore.Expectation),
) func(*wrapped) {
	return func(w *wrapped) {
		next := w.queued
		w.queued = func(
			ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
		) (records, eventstore.Expectation) {
			return replace(ctx, next, after, with)
		}
	}
}

func togetherMutants() []mutant {
	return []mutant{
		{
			name:     "does not look at what was read before",
			caughtBy: caughtBy(ledgerModel, together, bank, badCommits),
			breaks: reading(func(
				ctx context.Context, next readQueued, after eventstore.Expectation, _ []eventstore.Expectation,
			) (records, eventstore.Expectation) {
				return next(ctx, after)
			}),
		},
		{
			name:     "looks at the last stream that was read before",
			caughtBy: caughtBy(together, bank),
			breaks: reading(func(
				ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
			) (records, eventstore.Expectation) {
				return next(ctx, after, with[max(0, len(with)-1):]...)
			}),
		},
		{
			name:     "looks at what was read before, and reads later",
			caughtBy: caughtBy(bank), races: true,
			breaks: func(w *wrapped) {
				wait := afterOthers(w)
				reading(func(
					ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
				) (records, eventstore.Expectation) {
					if all, at := next(ctx, after, with...); at.Tip == nil || len(with) == 0 {
						return all, at
					}
					wait(1)
					return next(ctx, after)
				})(w)
			},
		},
		{
			name:     "lets a decision succeed whose streams could not be read together",
			caughtBy: caughtBy(together),
			breaks: reading(func(
				ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
			) (records, eventstore.Expectation) {
				all, at := next(ctx, after, with...)
				if at.Tip == nil {
					_, at = next(ctx, after)
				}
				return all, at
			}),
		},
		{
			name:     "leaves out a record where it reads on",
			caughtBy: caughtBy(ledgerModel, queued),
			breaks: reading(func(
				ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
			) (records, eventstore.Expectation) {
				if after.Tip != nil {
					after = after.Stream.At(int64(after.Version) + 1)
				}
				return next(ctx, after, with...)
			}),
		},
		{
			name:     "begins anew where it should read on",
			caughtBy: caughtBy(ledgerModel, queued, badCommits),
			breaks: reading(func(
				ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
			) (records, eventstore.Expectation) {
				if after.Tip != nil {
					after = after.Stream.At(0)
				}
				return next(ctx, after, with...)
			}),
		},
		{
			name:     "reads on from any tip",
			caughtBy: caughtBy(badCommits),
			breaks: reading(func(
				ctx context.Context, next readQueued, after eventstore.Expectation, with []eventstore.Expectation,
			) (records, eventstore.Expectation) {
				after.Tip = nil
				return next(ctx, after, with...)
			}),
		},
		{
			name:     "takes streams that were read apart for read together",
			caughtBy: caughtBy(together),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				read := !slices.ContainsFunc(c.Expect, func(e eventstore.Expectation) bool { return e.Tip == nil })
				if len(c.Records) > 0 || !read || len(c.Expect) < 2 {
					return next(ctx, c)
				}
				for _, e := range c.Expect {
					c.Expect = []eventstore.Expectation{e}
					if result, err := next(ctx, c); err != nil || result.Repeated {
						return result, err
					}
				}
				return eventstore.Result{}, nil
			}),
		},
		{
			name:     "takes a command for applied when its stream was read",
			caughtBy: caughtBy(together),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if len(c.Records) > 0 || len(c.ExpectCommands) == 0 {
					return next(ctx, c)
				}
				streams := c
				streams.ExpectCommands = nil
				if result, err := next(ctx, streams); err != nil || result.Repeated {
					return result, err
				}
				return next(ctx, commandsAlone(c))
			}),
		},
	}
}

// commandsAlone returns a check of what the commit expects of commands.
func commandsAlone(c eventstore.Commit) eventstore.Commit {
	nobodys := c.Stream()
	nobodys.ID = eventstore.BeforeSlash.Of(nobodys.ID) + "/nobody's"
	return eventstore.Commit{
		Expect: []eventstore.Expectation{{Stream: nobodys}}, ExpectCommands: c.ExpectCommands,
	}
}
