package eventstoretest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
)

func severalCommandMutants() []mutant {
	return []mutant{
		{
			name: "takes a command to other streams for a repetition", caughtBy: caughtBy(ledgerModel, severalOnce),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				result, err := next(ctx, c)
				reused := new(eventstore.CommandReusedError)
				if errors.As(err, &reused) && eventstore.SameCommand(reused.Stored, reused.Given) {
					c.Records, c.ExpectCommands = nil, nil
					c.Expect = []eventstore.Expectation{{Stream: reused.Stream}}
					return next(ctx, c)
				}
				return result, err
			}),
		},
		{
			name: "refuses a command whose streams come in another order", caughtBy: caughtBy(ledgerModel, severalOnce),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				result, err := next(ctx, c)
				streams := c.Streams()
				for i, w := range result.Streams {
					if result.Repeated && len(streams) > 0 && w.Stream != streams[i] {
						return appendResult{}, &eventstore.CommandReusedError{CommandID: c.CommandID}
					}
				}
				return result, err
			}),
		},
		{
			name: "does not say which streams a command wrote", caughtBy: caughtBy(ledgerModel, severalOnce),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				result, err := next(ctx, c)
				if reused := new(eventstore.CommandReusedError); errors.As(err, &reused) {
					reused.Wrote = nil
				}
				return result, err
			}),
		},
		{
			name: "counts command ids by stream", caughtBy: caughtBy(ledgerModel, severalOnce, expected),
			breaks: byStream,
		},
		{
			name:     "counts command ids in all partition keys",
			caughtBy: caughtBy(ledgerModel, severalOnce, commandScope), breaks: inAllKeys,
		},
		{
			name:     "does not look for the command of a check over several streams",
			caughtBy: caughtBy(ledgerModel, severalOnce),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if len(c.Records) == 0 {
					c.CommandID, c.Digest = "", ""
				}
				return next(ctx, c)
			}),
		},
	}
}

// byStream stores command ids with the first stream of their commit.
func byStream(w *wrapped) {
	const mark = "\x00of\x00"
	name := func(stream eventstore.Stream, id string) string {
		if id == "" || stream.Category != "Ledger" {
			return id
		}
		_, of, _ := strings.Cut(stream.ID, "/")
		return id + mark + of
	}
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		c.Records = slices.Clone(c.Stamped())
		c.CommandID = name(c.Stream(), c.CommandID)
		for i := range c.Records {
			c.Records[i].CommandID = c.CommandID
		}
		return next(ctx, c)
	})(w)
	w.changing(func(r *eventstore.Record) { r.CommandID, _, _ = strings.Cut(r.CommandID, mark) })
	inner := w.applied
	w.applied = func(
		ctx context.Context, stream eventstore.Stream, id string, with ...eventstore.Expectation,
	) (bool, error) {
		return inner(ctx, stream, name(stream, id), with...)
	}
}

// inAllKeys takes the command of another partition key for the one of this.
func inAllKeys(w *wrapped) {
	var mu sync.Mutex
	known := make(map[string]eventstore.Result)
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		mu.Lock()
		defer mu.Unlock()
		result, err := next(ctx, c)
		if first, ok := known[c.CommandID]; ok && err == nil && !result.Repeated {
			first.Repeated = true
			return first, nil
		}
		if err == nil && c.CommandID != "" {
			known[c.CommandID] = result
		}
		return result, err
	})(w)
}

// telling replaces what the store says of commands.
func telling(
	replace func(w *wrapped, ctx context.Context, s eventstore.Stream, id string) (bool, error),
) func(*wrapped) {
	return func(w *wrapped) {
		w.applied = func(
			ctx context.Context, stream eventstore.Stream, id string, with ...eventstore.Expectation,
		) (bool, error) {
			if len(with) > 0 {
				if _, err := w.good.Applied(ctx, stream, id, with...); err != nil {
					return false, err
				}
			}
			return replace(w, ctx, stream, id)
		}
	}
}

func knowsNone(*wrapped, context.Context, eventstore.Stream, string) (bool, error) { return false, nil }

func appliedMutants() []mutant {
	return []mutant{
		{name: "knows no command", caughtBy: caughtBy(ledgerModel, expected, severalOnce), breaks: telling(knowsNone)},
		{name: "knows every command", caughtBy: caughtBy(ledgerModel, expected, severalOnce), breaks: telling(
			func(*wrapped, context.Context, eventstore.Stream, string) (bool, error) { return true, nil })},
		{name: "knows the commands of one stream", caughtBy: caughtBy(ledgerModel, expected), breaks: telling(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, id string) (bool, error) {
				for r, err := range w.good.ReadStream(ctx, s, 1) {
					if err != nil || r.CommandID == id {
						return err == nil, err
					}
				}
				return false, nil
			})},
		{name: "knows no command of a category that it does not hold", caughtBy: caughtBy(unknown), breaks: telling(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, id string) (bool, error) {
				found, err := w.good.Applied(ctx, s, id)
				if errors.Is(err, eventstore.ErrInvalid) {
					err = nil
				}
				return found, err
			})},
		{name: "knows no command whose id is invalid", caughtBy: caughtBy(badCommits), breaks: telling(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, id string) (bool, error) {
				known, err := w.good.Applied(ctx, s, id)
				if eventstore.CheckCommandID(id) != nil {
					err = nil
				}
				return known, err
			})},
		{name: "answers together with streams that have moved", caughtBy: caughtBy(expected), breaks: func(w *wrapped) {
			w.applied = func(
				ctx context.Context, stream eventstore.Stream, id string, with ...eventstore.Expectation,
			) (bool, error) {
				found, err := w.good.Applied(ctx, stream, id, with...)
				if errors.Is(err, eventstore.ErrConflict) {
					err = nil
				}
				return found, err
			}
		}},
		{name: "ignores the context that asks for a command", caughtBy: caughtBy(endedContext), breaks: telling(
			func(w *wrapped, ctx context.Context, s eventstore.Stream, id string) (bool, error) {
				return w.good.Applied(context.WithoutCancel(ctx), s, id)
			})},
		{name: "expects nothing of commands", caughtBy: caughtBy(ledgerModel, expected), breaks: committing(
			func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if eventstore.Check(c, keyOf(c)) == nil {
					c.ExpectCommands = nil
				}
				return next(ctx, c)
			})},
		{name: "expects only that commands are applied", caughtBy: caughtBy(ledgerModel, expected), breaks: committing(
			func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.ExpectCommands = slices.DeleteFunc(c.ExpectCommands, func(e eventstore.CommandExpectation) bool {
					return !e.Applied && e.CommandID != ""
				})
				return next(ctx, c)
			})},
		{
			name: "compares commands, and appends later", caughtBy: caughtBy(expected), races: true,
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if len(c.Records) == 0 || len(c.ExpectCommands) == 0 {
					return next(ctx, c)
				}
				if result, err := next(ctx, commandsAlone(c)); err != nil {
					return result, err
				}
				letOthers()
				c.ExpectCommands = nil
				return next(ctx, c)
			}),
		},
		{name: "says the opposite of a command", caughtBy: caughtBy(ledgerModel, expected), breaks: committing(
			func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				result, err := next(ctx, c)
				if conflict := new(eventstore.CommandConflictError); errors.As(err, &conflict) {
					conflict.Applied = !conflict.Applied
				}
				return result, err
			})},
		{
			name: "forgets the streams of a command when it is closed", caughtBy: caughtBy(closing), config: durable(),
			breaks: func(w *wrapped) {
				w.reopen = func() {
					answering(func(_ eventstore.Commit, r *eventstore.Result) {
						if r.Repeated {
							r.Streams = r.Streams[:1]
						}
					})(w)
				}
			},
		},
		{
			name: "knows no command once it is opened again", caughtBy: caughtBy(closing), config: durable(),
			breaks: func(w *wrapped) {
				w.reopen = func() { telling(knowsNone)(w) }
			},
		},
	}
}

func severalReadMutants() []mutant {
	return []mutant{
		{
			name: "passes over the rest of a commit that a cursor is in", caughtBy: caughtBy(whole),
			breaks: listing(func(start eventstore.Start, all []eventstore.Record) []eventstore.Record {
				begun := make(map[int32]bool)
				return slices.DeleteFunc(all, func(r eventstore.Record) bool {
					p := r.Position.Partition
					begun[p] = !seen(start, r) && (begun[p] || r.Commit.Index == 1)
					return !begun[p]
				})
			}),
		},
		{
			name: "yields the end of a commit with the next one", caughtBy: caughtBy(whole),
			config: eventstoretest.Config{Timeout: time.Second},
			breaks: followed(func(w *wrapped, ctx context.Context, category string, start eventstore.Start) records {
				return func(yield func(eventstore.Record, error) bool) {
					var last []eventstore.Record
					for r, err := range w.good.Follow(ctx, category, start) {
						for _, before := range last {
							if !yield(before, nil) {
								return
							}
						}
						if last = []eventstore.Record{r}; err != nil || r.Commit.Index < r.Commit.Size {
							if last = nil; !yield(r, err) {
								return
							}
						}
					}
				}
			}),
		},
	}
}
