package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

const (
	writers          = 8
	commitsPerWriter = 12
	contestedStreams = 3
)

// oneWriterWins lets writers append at the version that they found. First they append in step, so
// that all of them expect the same. Then each appends as fast as it can.
func oneWriterWins(t test, s *suite) {
	duel(t, s)
	contest(t, s, func(found int) eventstore.Expected { return eventstore.Expected(found) })
}

// duel makes all writers expect one version, round after round.
func duel(t test, s *suite) {
	ctx, stream := s.context(t), s.stream(0)
	var history []eventstore.Record
	for round := range commitsPerWriter {
		var (
			group   sync.WaitGroup
			start   = make(chan struct{})
			commits [writers][]eventstore.Record
			results [writers]eventstore.Result
			errs    [writers]error
			winners []int
		)
		expected := eventstore.Expected(len(history))
		for n := range writers {
			commits[n] = s.records(1+round%3, "")
			group.Go(func() {
				<-start
				results[n], errs[n] = s.store.Append(ctx, eventstore.To(stream, expected, commits[n]...))
			})
		}
		close(start)
		group.Wait()
		for n, err := range errs {
			if err == nil {
				winners = append(winners, n)
			}
		}
		if len(winners) != 1 {
			fatal(t, fmt.Sprintf("%d writers that expected the same version succeeded, expected 1", len(winners)), errs)
		}
		won := winners[0]
		history = append(history, stored(stream, results[won], commits[won])...)
		for n, err := range errs {
			if n != won {
				conflicts(t, err, stream, expected, int64(len(history)))
			}
		}
		same(t, "a stream after writers that expected the same version", s.load(ctx, t, stream), history)
	}
}

// anyNeverConflicts lets all writers append at once, at any version.
func anyNeverConflicts(t test, s *suite) {
	contest(t, s, func(int) eventstore.Expected { return eventstore.Any })
}

// won is a commit whose append succeeded.
type won struct {
	stream eventstore.Stream
	result eventstore.Result
	want   []eventstore.Record
}

// contest lets writers and readers loose on a few streams. Then it checks that each success and
// each conflict was right in the history that is left.
func contest(t test, s *suite, expect func(found int) eventstore.Expected) {
	ctx := s.context(t)
	streams := make([]eventstore.Stream, contestedStreams)
	for i := range streams {
		streams[i] = s.stream(i)
	}
	starts := make(map[string]eventstore.Start)
	for _, stream := range streams {
		starts[stream.Category] = eventstore.After(s.category(ctx, t, stream.Category).cursor)
	}
	var (
		group     sync.WaitGroup
		mu        sync.Mutex
		wins      []won
		conflicts []eventstore.ConflictError
		failures  []error
	)
	note := func(w []won, c []eventstore.ConflictError, err error) {
		mu.Lock()
		defer mu.Unlock()
		wins, conflicts = append(wins, w...), append(conflicts, c...)
		if err != nil {
			failures = append(failures, err)
		}
	}
	at := s.tick(1)
	for n := range writers {
		group.Go(func() {
			watcher := watcher{s.store, starts, make(map[string]map[int32][]eventstore.Record)}
			for i := range commitsPerWriter {
				records := make([]eventstore.Record, 1+(n+i)%3)
				for j := range records {
					records[j] = s.record(at, "")
				}
				w, c, err := s.write(ctx, streams[(n+i)%len(streams)], expect, records)
				if err == nil {
					err = watcher.sees(ctx, w[0])
				}
				note(w, c, err)
			}
		})
	}
	for n := range streams {
		group.Go(func() { note(nil, nil, s.watchStream(ctx, streams[n])) })
	}
	group.Wait()
	must(t, "a call amid concurrent ones", errors.Join(failures...))
	if want := writers * commitsPerWriter; len(wins) != want {
		fatal(t, fmt.Sprintf("%d appends succeeded, expected %d", len(wins), want))
	}
	for _, stream := range streams {
		s.consistent(ctx, t, stream, wins, conflicts)
	}
}

// write loads and appends until that succeeds. Each conflict means that another writer's commit
// came between, so the loop ends.
func (s *suite) write(
	ctx context.Context, stream eventstore.Stream, expect func(int) eventstore.Expected, records []eventstore.Record,
) (wins []won, conflicts []eventstore.ConflictError, err error) {
	for {
		history, err := collect(s.store.ReadStream(ctx, stream, 1))
		if err != nil {
			return nil, conflicts, fmt.Errorf("load before an append: %w", err)
		}
		expected := expect(len(history))
		result, err := s.store.Append(ctx, eventstore.To(stream, expected, records...))
		if err == nil {
			return []won{{stream, result, stored(stream, result, records)}}, conflicts, nil
		}
		var conflict *eventstore.ConflictError
		if !errors.As(err, &conflict) {
			return nil, conflicts, err
		}
		if expected == eventstore.Any || conflict.Actual <= int64(expected) ||
			conflict.Stream != stream || conflict.Expected != expected {
			return nil, conflicts, fmt.Errorf(
				"appended to %s with expected version %d, found a conflict that cannot be: %w", stream, expected, err)
		}
		conflicts = append(conflicts, *conflict)
	}
}

// consistent fails unless the stream consists of the commits won, each of them whole and at the
// versions of its result. It also fails unless each conflict names a version at which the stream
// once stood.
func (s *suite) consistent(
	ctx context.Context, t test, stream eventstore.Stream, wins []won, conflicts []eventstore.ConflictError,
) {
	t.Helper()
	final := s.load(ctx, t, stream)
	want := make([]eventstore.Record, len(final))
	stood := map[int64]bool{}
	total := 0
	for _, w := range wins {
		if w.stream != stream {
			continue
		}
		total += len(w.want)
		if w.result.First() < 1 || w.result.Last() > int64(len(final)) || w.result.Repeated {
			fatal(t, "a successful append has a result outside of the stream", w.result, len(final))
		}
		stood[w.result.Last()] = true
		copy(want[w.result.First()-1:], w.want)
	}
	if total != len(final) {
		fatal(t, fmt.Sprintf("a stream has %d records after %d were appended", len(final), total))
	}
	same(t, "a stream after concurrent appends", final, want)
	same(t, "a stream in its category after concurrent appends", s.category(ctx, t, stream.Category).only(stream),
		final)
	for _, c := range conflicts {
		if c.Stream == stream && !stood[c.Actual] {
			fatal(t, "a conflict names a version that is not the end of a commit", c.Actual)
		}
	}
}

// commandStoredOnce sends one command from many goroutines at once, with other records each time.
func commandStoredOnce(t test, s *suite) {
	ctx := s.context(t)
	for round := range 10 {
		stream, command := s.stream(round), ids.New()
		_, before := s.append(ctx, t, stream, eventstore.NoStream, s.records(1+round%2, "")...)
		expected := []eventstore.Expected{eventstore.Any, eventstore.Expected(len(before)), eventstore.NoStream}
		var (
			group   sync.WaitGroup
			results [writers]eventstore.Result
			commits [writers][]eventstore.Record
			errs    [writers]error
		)
		for n := range writers {
			commits[n] = s.records(1+n%3, command)
			group.Go(func() {
				// Once one of them is through, no other finds the version that it expects.
				results[n], errs[n] = s.store.Append(ctx, eventstore.To(stream, expected[n%2], commits[n]...))
			})
		}
		group.Wait()
		var first won
		for n, err := range errs {
			must(t, "a command sent many times at once", err)
			if !results[n].Repeated {
				if first.want != nil {
					fatal(t, "two appends of one command both say that they were the first", first.result, results[n])
				}
				first = won{stream, results[n], stored(stream, results[n], commits[n])}
			}
		}
		if first.want == nil {
			fatal(t, "no append of a command says that it was the first", results)
		}
		repeated := first.result
		repeated.Repeated, repeated.Time = true, time.Time{}
		for _, r := range results {
			if !reflect.DeepEqual(r, first.result) && !reflect.DeepEqual(r, repeated) {
				fatal(t, "appends of one command have different results", first.result, r)
			}
		}
		again, err := s.store.Append(ctx, eventstore.To(stream, expected[2], commits[0]...))
		must(t, "a command sent again, expecting another version", err)
		if !reflect.DeepEqual(again, repeated) {
			fatal(t, "a command sent again has another result", again, repeated)
		}
		same(t, "a stream after a command was sent many times", s.load(ctx, t, stream), append(before, first.want...))
	}
}

// commandIDsPerStream sends one command id to several streams.
func commandIDsPerStream(t test, s *suite) {
	ctx, command := s.context(t), ids.New()
	a, b, c := s.stream(0), s.stream(0), s.stream(1)
	for _, stream := range []eventstore.Stream{a, b, c} {
		_, want := s.append(ctx, t, stream, eventstore.NoStream, s.records(2, command)...)
		_, more := s.append(ctx, t, stream, eventstore.Expected(2), s.records(1, "")...)
		_, last := s.append(ctx, t, stream, eventstore.Expected(3), s.records(1, "")...)
		same(t, "a stream that holds a command id of other streams", s.load(ctx, t, stream),
			append(append(want, more...), last...))
	}
}
