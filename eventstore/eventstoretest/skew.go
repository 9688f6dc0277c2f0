package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
)

const (
	skewWriters   = 6
	skewCommits   = 8  // of each writer
	checksPerSkew = 25 // of each checker
)

// nothingChangedMeanwhile lets writers read two streams, and write to one of them. Each commit must
// stand where both are as its writer read them. So two writers that read the same and write to
// different streams never both win.
func nothingChangedMeanwhile(t test, s *suite) {
	ctx, l := s.context(t), s.ledger()
	k := &skew{s: s, streams: l.streams("a", "b")}
	at := s.tick(1)
	var group sync.WaitGroup
	for n := range skewWriters {
		group.Go(func() {
			for i := range skewCommits {
				r := s.record(at, "")
				inStream(&r, k.streams[(n+i)%2])
				k.write(ctx, n, r)
			}
		})
	}
	group.Wait()
	must(t, "a call amid concurrent ones", errors.Join(k.failures...))
	s.holdsCommits(ctx, t, "two streams of which each commit reads both", l, k.wins)
	p := newReplay(l)
	for _, r := range s.category(ctx, t, l.category).ledgers[l.key] {
		must(t, "a commit that was decided on two streams", p.next([]eventstore.Record{r}))
	}
	s.checksAreOfOneMoment(ctx, t)
}

// skew is two streams of one partition key, and what was done to them.
type skew struct {
	s       *suite
	streams []eventstore.Stream

	mu       sync.Mutex
	wins     []wonCommit
	failures []error
}

// write reads both streams and writes to one, until there is no conflict.
func (k *skew) write(ctx context.Context, n int, r eventstore.Record) {
	for {
		at, err := k.read(ctx, n%2 == 0)
		var result eventstore.Result
		c := eventstore.Commit{Expect: at, Records: []eventstore.Record{r}}
		if err == nil {
			restsOn(&c)
			result, err = k.s.store.Append(ctx, c)
		}
		if errors.Is(err, eventstore.ErrConflict) {
			continue
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.wins, k.failures = append(k.wins, wonCommit{c, result}), append(k.failures, err)
		return
	}
}

// read reads both streams: together, or one after the other. Then they may never have stood so.
func (k *skew) read(ctx context.Context, together bool) (at []eventstore.Expectation, err error) {
	if together {
		_, at, err = k.s.readTogether(ctx, nil, k.streams...)
		return at, err
	}
	for _, stream := range k.streams {
		records, err := collect(k.s.store.ReadStream(ctx, stream, 1))
		if err != nil {
			return nil, fmt.Errorf("read one of two streams: %w", err)
		}
		at = append(at, eventstore.Expectation{Stream: stream, Version: eventstore.Expected(len(records))})
		runtime.Gosched() // so that others come between
	}
	return at, nil
}

// checksAreOfOneMoment adds to one stream, then to another, in turn. So the second one never has
// more events than the first, nor two less. Others check that it has, all the time.
func (s *suite) checksAreOfOneMoment(ctx context.Context, t test) {
	t.Helper()
	streams := s.ledger().streams("first", "second")
	errs := make([]error, len(streams))
	var group sync.WaitGroup
	var checkers atomic.Int64
	checkers.Store(int64(len(streams)))
	for n := range streams {
		group.Go(func() {
			defer checkers.Add(-1)
			for i := 0; i < checksPerSkew && errs[n] == nil; i++ {
				errs[n] = s.neverHeld(ctx, streams, n)
			}
		})
	}
	var failed error
	at := s.tick(1)
	for version := eventstore.NoStream; failed == nil && checkers.Load() > 0; version++ {
		for _, stream := range streams {
			_, err := s.store.Append(ctx, eventstore.To(stream, version, s.record(at, "")))
			failed = errors.Join(failed, err)
			runtime.Gosched() // so that a check sees each step
		}
	}
	group.Wait()
	must(t, "checking two streams amid appends", errors.Join(failed, errors.Join(errs...)))
}

// neverHeld checks that one stream stands where it stands, and the other where it never stands at
// that moment, but soon will.
func (s *suite) neverHeld(ctx context.Context, streams []eventstore.Stream, n int) error {
	records, err := collect(s.store.ReadStream(ctx, streams[n], 1))
	if err != nil {
		return err
	}
	stands := eventstore.Expected(len(records))
	_, err = s.store.Append(ctx, checkOf(
		eventstore.Expectation{Stream: streams[n], Version: stands},
		eventstore.Expectation{Stream: streams[1-n], Version: stands + eventstore.Expected(1+n)},
	))
	switch {
	case errors.Is(err, eventstore.ErrConflict):
		return nil
	case err != nil:
		return fmt.Errorf("check two streams: %w", err)
	}
	return fmt.Errorf("a check succeeds: %s at version %d, and %s at %d, which was never so",
		streams[n], stands, streams[1-n], stands+eventstore.Expected(1+n))
}
