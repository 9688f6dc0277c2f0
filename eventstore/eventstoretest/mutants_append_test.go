package eventstoretest_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// appendCall is what an append was given.
type appendCall struct {
	ctx      context.Context //nolint:containedctx // a call's arguments, for as long as the call
	stream   eventstore.Stream
	expected eventstore.Expected
	records  []eventstore.Record // with the command that the commit is of

	given eventstore.Commit
	valid bool
}

func newAppendCall(ctx context.Context, c eventstore.Commit) appendCall {
	a := appendCall{
		ctx: ctx, stream: c.Stream(), expected: c.ExpectationOf(c.Stream()).Version, records: slices.Clone(c.Records),
		given: c, valid: eventstore.Check(c, keyOf(c)) == nil,
	}
	if a.valid {
		a.records = slices.Clone(c.Stamped())
	}
	return a
}

// keyOf returns the partition key of the commit's category in the good store.
func keyOf(c eventstore.Commit) eventstore.PartitionKey {
	switch c.Stream().Category {
	case "Ledger", "Book":
		return eventstore.BeforeSlash
	}
	return eventstore.WholeID
}

// commit returns the commit that was given, with all later changes.
func (a appendCall) commit() eventstore.Commit {
	c := a.given
	c.Records = a.records
	if a.expected != c.ExpectationOf(a.stream).Version {
		c.Expect = []eventstore.Expectation{{Stream: a.stream, Version: a.expected}}
	}
	if a.valid && len(a.records) > 0 {
		c.CommandID, c.Digest = a.records[0].CommandID, a.records[0].CommandDigest
	}
	return c
}

type appendResult = eventstore.Result

// versions returns the result with other versions.
func versions(r appendResult, first, last int64) appendResult {
	if len(r.Streams) > 0 {
		r.Streams = []eventstore.Written{{Stream: r.Streams[0].Stream, First: first, Last: last}}
	}
	return r
}

// appending replaces the append of w, but not its checks. The function next is the one that it
// replaces.
func appending(
	replace func(w *wrapped, a appendCall, next func(appendCall) (appendResult, error)) (appendResult, error),
) func(*wrapped) {
	return func(w *wrapped) {
		inner := w.append
		next := func(a appendCall) (appendResult, error) { return inner(a.ctx, a.commit()) }
		w.append = func(ctx context.Context, c eventstore.Commit) (appendResult, error) {
			if len(c.Records) == 0 {
				return inner(ctx, c)
			}
			return replace(w, newAppendCall(ctx, c), next)
		}
	}
}

type next = func(appendCall) (appendResult, error)

func versionMutants() []mutant {
	return []mutant{
		{name: "ignores the expected version", caughtBy: caughtBy(model, oneWins), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				a.expected = eventstore.Any
				return next(a)
			})},
		{name: "takes no stream for any version", caughtBy: caughtBy(model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				if a.expected == eventstore.NoStream {
					a.expected = eventstore.Any
				}
				return next(a)
			})},
		{name: "compares, and sets later", caughtBy: caughtBy(oneWins), breaks: appending(
			func(w *wrapped, a appendCall, next next) (appendResult, error) {
				if actual := w.length(a.ctx, a.stream); !a.expected.Met(actual) {
					return appendResult{}, &eventstore.ConflictError{
						Stream: a.stream, Expected: a.expected, Actual: actual,
					}
				}
				for range 20 {
					runtime.Gosched()
				}
				a.expected = eventstore.Any
				return next(a)
			})},
		{name: "loads the version for any and then conflicts", caughtBy: caughtBy(anyWins), breaks: appending(
			func(w *wrapped, a appendCall, next next) (appendResult, error) {
				if a.expected == eventstore.Any {
					a.expected = eventstore.Expected(w.length(a.ctx, a.stream))
					for range 20 {
						runtime.Gosched()
					}
				}
				return next(a)
			})},
		{name: "conflict with a wrong actual version", caughtBy: caughtBy(model, oneWins), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if conflict := new(eventstore.ConflictError); errors.As(err, &conflict) {
					conflict.Actual++
				}
				return result, err
			})},
		{name: "conflict without its facts", caughtBy: caughtBy(model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if errors.Is(err, eventstore.ErrConflict) {
					err = eventstore.ErrConflict
				}
				return result, err
			})},
	}
}

func commitMutants() []mutant {
	return []mutant{
		{name: "loses the last record of a commit", caughtBy: caughtBy(model, anyWins), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				lost := min(1, len(a.records)/2)
				a.records = a.records[:len(a.records)-lost]
				result, err := next(a)
				return versions(result, result.First(), result.Last()+int64(lost)), err
			})},
		{name: "appends the records of a commit one by one", caughtBy: caughtBy(oneWins, anyWins), breaks: oneByOne},
		{name: "result with a version off by one", caughtBy: caughtBy(model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				return versions(result, result.First(), result.Last()-1), err
			})},
		{name: "result with the position of the first record", caughtBy: caughtBy(model, oneWins), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				result.Position.Offset -= int64(len(a.records) - 1)
				return result, err
			})},
	}
}

// oneByOne appends the records one by one, but keeps the commits' descriptions right.
func oneByOne(w *wrapped) {
	var mu sync.Mutex
	commits := make(map[string]eventstore.CommitPart)
	appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		var whole appendResult
		for i := range a.records {
			one := a
			one.records = a.records[i : i+1]
			if i > 0 {
				one.expected = eventstore.Any
				runtime.Gosched()
			}
			mu.Lock()
			result, err := next(one)
			if err != nil {
				mu.Unlock()
				return result, err
			}
			if i == 0 {
				whole = result
			}
			whole = versions(whole, whole.First(), result.Last())
			whole.Position, whole.Time = result.Position, result.Time
			commits[place(eventstore.Record{Header: headerOf(a.stream, result.Last())})] = eventstore.CommitPart{
				Index: i + 1, Size: len(a.records),
			}
			mu.Unlock()
		}
		return whole, nil
	})(w)
	w.changing(func(r *eventstore.Record) {
		mu.Lock()
		defer mu.Unlock()
		r.Commit = commits[place(*r)]
	})
}

func headerOf(stream eventstore.Stream, version int64) event.Header {
	return event.Header{Category: stream.Category, AggregateID: stream.ID, AggregateVersion: version}
}

func commandMutants() []mutant {
	return []mutant{
		{name: "forgets command ids", caughtBy: caughtBy(model, commandOnce, strangest), breaks: forgetful},
		{name: "does not say that a command is repeated", caughtBy: caughtBy(model, commandOnce), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				result.Repeated = false
				return result, err
			})},
		{name: "looks at the version before the command id", caughtBy: caughtBy(model, commandOnce), breaks: appending(
			func(w *wrapped, a appendCall, next next) (appendResult, error) {
				if actual := w.length(a.ctx, a.stream); !a.expected.Met(actual) {
					return appendResult{}, &eventstore.ConflictError{
						Stream: a.stream, Expected: a.expected, Actual: actual,
					}
				}
				return next(a)
			})},
		{name: "answers a repeated command with the end of the stream", caughtBy: caughtBy(model), breaks: appending(
			func(w *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if result.Repeated {
					result = versions(result, result.First(), w.length(a.ctx, a.stream))
				}
				return result, err
			})},
		{name: "knows a command by its id alone", caughtBy: caughtBy(commandScope, model), breaks: func(w *wrapped) {
			var mu sync.Mutex
			known := make(map[string]appendResult)
			appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				mu.Lock()
				defer mu.Unlock()
				command := ""
				if len(a.records) > 0 {
					command = a.records[0].CommandID
				}
				if first, ok := known[command]; ok {
					first.Repeated = true
					return first, nil
				}
				result, err := next(a)
				if err == nil && command != "" {
					known[command] = result
				}
				return result, err
			})(w)
		}},
		{
			name:     "takes a command for the one that has its id",
			caughtBy: caughtBy(commandReuse, model, severalOnce, ledgerModel), breaks: withoutDigests,
		},
		{
			name: "yields commits without the digest of their command", caughtBy: caughtBy(commandReuse, model),
			breaks: forgettingDigests,
		},
		{name: "refuses a command without a digest", caughtBy: caughtBy(commandReuse, model), breaks: appending(
			func(_ *wrapped, a appendCall, next next) (appendResult, error) {
				result, err := next(a)
				if result.Repeated && a.records[0].CommandDigest == "" {
					return appendResult{}, &eventstore.CommandReusedError{
						Stream: a.stream, CommandID: a.records[0].CommandID,
					}
				}
				return result, err
			})},
		{
			name: "refuses a command that was used before without the facts", caughtBy: caughtBy(commandReuse, model),
			breaks: appending(
				func(_ *wrapped, a appendCall, next next) (appendResult, error) {
					result, err := next(a)
					if errors.Is(err, eventstore.ErrCommandReused) {
						err = eventstore.ErrCommandReused
					}
					return result, err
				}),
		},
		{
			name:     "stores a command again while it is on its way",
			caughtBy: caughtBy(commandOnce, severalOnce), breaks: inFlight,
		},
	}
}

// withoutDigests stores digests where the good store does not look for them.
func withoutDigests(w *wrapped) {
	var mu sync.Mutex
	digests := make(map[string]string)
	appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		mu.Lock()
		digests[a.records[0].ID] = a.records[0].CommandDigest
		mu.Unlock()
		a.records = slices.Clone(a.records)
		a.records[0].CommandDigest = ""
		return next(a)
	})(w)
	w.changing(func(r *eventstore.Record) {
		mu.Lock()
		defer mu.Unlock()
		r.CommandDigest = digests[r.ID]
	})
}

// forgettingDigests yields no digests.
func forgettingDigests(w *wrapped) {
	w.changing(func(r *eventstore.Record) { r.CommandDigest = "" })
}

const hidden = "hidden"

// forgetful stores command ids where the good store does not look for them.
func forgetful(w *wrapped) {
	appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		hiding := make([]eventstore.Record, len(a.records))
		for i, r := range a.records {
			r.Metadata = maps.Clone(r.Metadata)
			if r.Metadata == nil {
				r.Metadata = make(map[string]string)
			}
			r.Metadata[hidden], r.CommandID = r.CommandID, ""
			hiding[i] = r
		}
		a.records = hiding
		return next(a)
	})(w)
	w.changing(func(r *eventstore.Record) {
		r.Metadata = maps.Clone(r.Metadata)
		r.CommandID = r.Metadata[hidden]
		delete(r.Metadata, hidden)
	})
}

// inFlight notices a repeated command only once the first one is stored.
func inFlight(w *wrapped) {
	var mu sync.Mutex
	known := make(map[string]appendResult)
	forgetful(w)
	appending(func(_ *wrapped, a appendCall, next next) (appendResult, error) {
		command := a.stream.String() + a.records[0].CommandID
		mu.Lock()
		first, ok := known[command]
		mu.Unlock()
		if ok {
			first.Repeated = true
			return first, nil
		}
		for range 20 {
			runtime.Gosched()
		}
		result, err := next(a)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && a.records[0].CommandID != "" {
			known[command] = result
		}
		return result, err
	})(w)
}
