package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// ledger is one partition key in the category of commits over several streams.
type ledger struct{ category, key string }

// ledger returns a partition key that no stream has yet.
func (s *suite) ledger() ledger { return ledger{s.ledgers, ids.New()} }

// stream returns a stream of the partition key.
func (l ledger) stream(name string) eventstore.Stream {
	return eventstore.Stream{Category: l.category, ID: l.key + "/" + name}
}

// streams returns streams of the partition key.
func (l ledger) streams(names ...string) []eventstore.Stream {
	var streams []eventstore.Stream
	for _, name := range names {
		streams = append(streams, l.stream(name))
	}
	return streams
}

// over returns a commit of n records, which go to the streams in turn. It expects nothing.
func (s *suite) over(n int, streams ...eventstore.Stream) eventstore.Commit {
	c := eventstore.Commit{Records: s.records(n, "")}
	for i := range c.Records {
		inStream(&c.Records[i], streams[i%len(streams)])
	}
	return c
}

// inStream names the stream in the record.
func inStream(r *eventstore.Record, stream eventstore.Stream) {
	r.Category, r.AggregateID = stream.Category, stream.ID
}

// expecting returns the commit with expectations of versions, which are in the order of streams.
func expecting(c eventstore.Commit, streams []eventstore.Stream, versions ...eventstore.Expected) eventstore.Commit {
	for i, v := range versions {
		c.Expect = append(c.Expect, eventstore.Expectation{Stream: streams[i], Version: v})
	}
	return c
}

// readTogether reads streams for one decision, queued commits included, for which others have been
// read before. It returns their records, and what a commit of the decision must expect of all.
func (s *suite) readTogether(
	ctx context.Context, with []eventstore.Expectation, streams ...eventstore.Stream,
) (records [][]eventstore.Record, at []eventstore.Expectation, err error) {
	at = slices.Clone(with)
	for _, stream := range streams {
		all, end := s.store.ReadQueued(ctx, stream.At(0), at...)
		found, err := collect(all)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s with %d other streams: %w", stream, len(at), err)
		}
		for i, r := range found {
			if r.AggregateVersion != int64(i+1) {
				return nil, nil, fmt.Errorf("record %d of %s has version %d", i+1, stream, r.AggregateVersion)
			}
		}
		if end.Stream != stream || end.Version != eventstore.Expected(len(found)) {
			return nil, nil, fmt.Errorf("the expectation after %d records of %s is %s at version %d",
				len(found), stream, end.Stream, end.Version)
		}
		records, at = append(records, found), append(at, end)
		runtime.Gosched() // so that others come between
	}
	return records, at, nil
}

// checkOf returns the check of all the expectations.
func checkOf(at ...eventstore.Expectation) eventstore.Commit {
	return eventstore.Commit{Expect: slices.Clone(at)}
}

// wonCommit is a commit whose append succeeded.
type wonCommit struct {
	commit eventstore.Commit
	result eventstore.Result
}

// holds fails unless the partition key holds the records, in one partition and in order, and
// nothing else. Each stream of it must hold its part of them.
func (s *suite) holds(ctx context.Context, t test, what string, l ledger, want []eventstore.Record) {
	t.Helper()
	got := s.category(ctx, t, l.category).ledgers[l.key]
	same(t, what+": the records of a partition key", got, want)
	parts := make(map[eventstore.Stream][]eventstore.Record)
	for _, r := range got {
		if r.Position.Partition != got[0].Position.Partition {
			fatal(t, what+": a partition key is in two partitions", got[0].Position, r.Position)
		}
		parts[r.Stream()] = append(parts[r.Stream()], r)
	}
	for stream, part := range parts {
		same(t, what+": a stream", s.load(ctx, t, stream), part)
	}
}

// holdsCommits is holds for commits of several writers, in the order of their positions.
func (s *suite) holdsCommits(ctx context.Context, t test, what string, l ledger, wins []wonCommit) {
	t.Helper()
	slices.SortFunc(wins, func(a, b wonCommit) int {
		return int(a.result.Position.Offset - b.result.Position.Offset)
	})
	var want []eventstore.Record
	for _, w := range wins {
		want = append(want, storedCommit(w.commit, w.result)...)
	}
	s.holds(ctx, t, what, l, want)
}

// conflictOf fails unless err says that one of the expectations does not hold: one of wrong.
func conflictOf(t test, err error, wrong ...error) {
	t.Helper()
	for _, w := range wrong {
		if saysConflict(err, w) {
			return
		}
	}
	fatal(t, "an append with an expectation that does not hold does not say so", "found", err, "expected one of", wrong)
}

// saysConflict reports whether err has the facts of the conflict. The stream of a
// *CommandConflictError may be any of the partition key's.
func saysConflict(err, want error) bool {
	if !errors.Is(err, eventstore.ErrConflict) {
		return false
	}
	var stream, wantStream *eventstore.ConflictError
	if errors.As(want, &wantStream) {
		return errors.As(err, &stream) && *stream == *wantStream
	}
	var command, wantCommand *eventstore.CommandConflictError
	if !errors.As(want, &wantCommand) || !errors.As(err, &command) {
		return false
	}
	return command.CommandID == wantCommand.CommandID && command.Applied == wantCommand.Applied &&
		command.Stream.Category == wantCommand.Stream.Category &&
		eventstore.BeforeSlash.Of(command.Stream.ID) == eventstore.BeforeSlash.Of(wantCommand.Stream.ID)
}

// again returns the answer to a repetition of the command whose commit has the result.
func again(first eventstore.Result) eventstore.Result {
	first.Repeated, first.Time = true, eventstore.Result{}.Time
	return first
}
