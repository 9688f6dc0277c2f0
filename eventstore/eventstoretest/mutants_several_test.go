package eventstoretest_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
)

func conflictIn(err error) *eventstore.ConflictError {
	var conflict *eventstore.ConflictError
	errors.As(err, &conflict)
	return conflict
}

func severalMutants() []mutant {
	return []mutant{
		{
			name:     "stores the first stream of a commit alone",
			caughtBy: caughtBy(ledgerModel, whole, bank), breaks: firstStreamAlone,
		},
		{
			name:     "stores a commit one stream after the other",
			caughtBy: caughtBy(ledgerModel, whole, bank), breaks: oneStreamAfterTheOther,
		},
		{
			name:     "sorts the records of a commit by stream",
			caughtBy: caughtBy(ledgerModel, whole, bank),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.Records = slices.Clone(c.Records)
				streams := c.Streams()
				slices.SortStableFunc(c.Records, func(a, b eventstore.Record) int {
					return cmp.Compare(slices.Index(streams, a.Stream()), slices.Index(streams, b.Stream()))
				})
				return next(ctx, c)
			}),
		},
		{name: "counts the records of a commit from 0", caughtBy: caughtBy(ledgerModel, whole), breaks: changing(
			func(r *eventstore.Record) { r.Commit.Index-- })},
		{name: "does not say that a commit is of several", caughtBy: caughtBy(ledgerModel, whole), breaks: changing(
			func(r *eventstore.Record) { r.Commit.Several = false })},
		{name: "says that every commit is of several", caughtBy: caughtBy(ledgerModel, model), breaks: changing(
			func(r *eventstore.Record) { r.Commit.Several = true })},
		{name: "says that a commit has a record more", caughtBy: caughtBy(ledgerModel, whole), breaks: changing(
			func(r *eventstore.Record) {
				if r.Commit.Several {
					r.Commit.Size++
				}
			})},
		{name: "takes no commits over more than 999 streams", caughtBy: caughtBy(widest), breaks: refusing(
			func(a appendCall) bool { return len(a.given.Streams()) > 999 })},
	}
}

// firstStreamAlone stores the records of the first stream, and says that it stores all.
func firstStreamAlone(w *wrapped) {
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		streams := c.Streams()
		if len(streams) < 2 || eventstore.Check(c, keyOf(c)) != nil {
			return next(ctx, c)
		}
		half := c
		half.Records = nil
		result := eventstore.Result{}
		for _, stream := range streams {
			first := w.length(ctx, stream) + 1
			result.Streams = append(result.Streams, eventstore.Written{Stream: stream, First: first})
		}
		for _, r := range c.Stamped() {
			at := &result.Streams[slices.Index(streams, r.Stream())]
			at.Last = max(at.Last+1, at.First)
			if r.Stream() == streams[0] {
				half.Records = append(half.Records, r)
			}
		}
		half.Expect = slices.DeleteFunc(half.Expect, func(e eventstore.Expectation) bool {
			return e.Version == eventstore.Any
		})
		stored, err := next(ctx, half)
		if err != nil || stored.Repeated {
			return stored, err
		}
		stored.Streams = result.Streams
		return stored, nil
	})(w)
}

// oneStreamAfterTheOther stores the part of each stream by itself, but keeps the descriptions of
// the commit right.
func oneStreamAfterTheOther(w *wrapped) {
	var mu sync.Mutex
	asGiven := make(map[string]eventstore.Record) // by event id
	committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		streams := c.Streams()
		if len(streams) < 2 || eventstore.Check(c, keyOf(c)) != nil {
			return next(ctx, c)
		}
		parts := make([]eventstore.Commit, len(streams))
		mu.Lock()
		for i, r := range c.Stamped() {
			n := slices.Index(streams, r.Stream())
			parts[n].Records = append(parts[n].Records, r)
			r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(c.Records), Several: true}
			asGiven[r.ID] = r
		}
		mu.Unlock()
		first := &parts[0]
		first.CommandID, first.Digest, first.ExpectCommands = c.CommandID, c.Digest, c.ExpectCommands
		first.Expect = slices.DeleteFunc(c.Expect, func(e eventstore.Expectation) bool {
			return e.Version == eventstore.Any
		})
		var whole eventstore.Result
		for i, part := range parts {
			if i > 0 {
				letOthers()
				for j := range part.Records {
					part.Records[j].CommandID, part.Records[j].CommandDigest = "", ""
				}
			}
			result, err := next(ctx, part)
			if err != nil || result.Repeated {
				return result, err
			}
			whole.Streams = append(whole.Streams, result.Streams...)
			whole.Position, whole.Time = result.Position, result.Time
		}
		return whole, nil
	})(w)
	w.changing(func(r *eventstore.Record) {
		mu.Lock()
		defer mu.Unlock()
		if given, ok := asGiven[r.ID]; ok {
			r.Commit, r.CommandID, r.CommandDigest = given.Commit, given.CommandID, given.CommandDigest
		}
	})
}

// answering changes the results of commits over several streams.
func answering(change func(c eventstore.Commit, r *eventstore.Result)) func(*wrapped) {
	return committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
		result, err := next(ctx, c)
		if len(result.Streams) > 1 {
			change(c, &result)
		}
		return result, err
	})
}

func severalResultMutants() []mutant {
	return []mutant{
		{
			name: "result with the first stream alone", caughtBy: caughtBy(ledgerModel, whole, bank, widest),
			breaks: answering(func(_ eventstore.Commit, r *eventstore.Result) { r.Streams = r.Streams[:1] }),
		},
		{
			name: "result with streams in the order of their names", caughtBy: caughtBy(ledgerModel),
			breaks: answering(func(_ eventstore.Commit, r *eventstore.Result) {
				slices.SortFunc(r.Streams, func(a, b eventstore.Written) int {
					return strings.Compare(a.Stream.ID, b.Stream.ID)
				})
			}),
		},
		{
			name: "result with the versions of the first stream", caughtBy: caughtBy(ledgerModel, whole, bank),
			breaks: answering(func(_ eventstore.Commit, r *eventstore.Result) {
				for i := range r.Streams {
					r.Streams[i].First, r.Streams[i].Last = r.First(), r.Last()
				}
			}),
		},
		{
			name:     "result of a repeated command in the order that it has now",
			caughtBy: caughtBy(ledgerModel, severalOnce),
			breaks: answering(func(c eventstore.Commit, r *eventstore.Result) {
				if streams := c.Streams(); r.Repeated && len(streams) > 0 {
					slices.SortFunc(r.Streams, func(a, b eventstore.Written) int {
						return cmp.Compare(slices.Index(streams, a.Stream), slices.Index(streams, b.Stream))
					})
				}
			}),
		},
	}
}

func severalInputMutants() []mutant {
	return []mutant{
		{
			name: "takes a commit over two partition keys", caughtBy: caughtBy(badCommits),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				var result eventstore.Result
				var err error
				for len(c.Records) > 0 && err == nil {
					part, key := c, keyOf(c).Of(c.Stream().ID)
					inPart := func(s eventstore.Stream) bool {
						return s.Category == c.Stream().Category && keyOf(c).Of(s.ID) == key
					}
					part.Records = slices.DeleteFunc(slices.Clone(c.Records), func(r eventstore.Record) bool {
						return !inPart(r.Stream())
					})
					part.Expect = slices.DeleteFunc(slices.Clone(c.Expect), func(e eventstore.Expectation) bool {
						return !inPart(e.Stream)
					})
					c.Records = slices.DeleteFunc(slices.Clone(c.Records), func(r eventstore.Record) bool {
						return inPart(r.Stream())
					})
					result, err = next(ctx, part)
				}
				return result, err
			}),
		},
		{
			name: "takes two expectations of a stream", caughtBy: caughtBy(badCommits),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				seen := make(map[eventstore.Stream]bool)
				c.Expect = slices.DeleteFunc(c.Expect, func(e eventstore.Expectation) bool {
					twice := seen[e.Stream]
					seen[e.Stream] = true
					return twice
				})
				return next(ctx, c)
			}),
		},
		{
			name: "takes Any for streams that it does not write", caughtBy: caughtBy(badCommits),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.Expect = slices.DeleteFunc(c.Expect, func(e eventstore.Expectation) bool {
					return e.Version == eventstore.Any && len(c.Records) > 0
				})
				return next(ctx, c)
			}),
		},
		{
			name: "takes ids that begin with a slash", caughtBy: caughtBy(badCommits),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.Records = slices.Clone(c.Records)
				for i := range c.Records {
					c.Records[i].AggregateID = strings.TrimPrefix(c.Records[i].AggregateID, "/")
				}
				return next(ctx, c)
			}),
		},
		{
			name: "takes a check of nothing", caughtBy: caughtBy(badCommits, badInput),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				if len(c.Records)+len(c.Expect) == 0 {
					return eventstore.Result{}, nil
				}
				return next(ctx, c)
			}),
		},
		{
			name: "takes as many expectations as it is given", caughtBy: caughtBy(badCommits),
			breaks: committing(func(ctx context.Context, c eventstore.Commit, next nextCommit) (appendResult, error) {
				c.Expect = c.Expect[:min(len(c.Expect), eventstore.MaxCommitRecords)]
				c.ExpectCommands = c.ExpectCommands[:min(len(c.ExpectCommands), eventstore.MaxCommitRecords)]
				return next(ctx, c)
			}),
		},
	}
}
