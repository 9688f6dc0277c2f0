package prom_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/observe/prom"
)

type tally struct{ Count int }

type counted struct{}

func (counted) EventType() string { return "Counted" }
func (counted) Apply(t *tally)    { t.Count++ }

// tallies is a store whose snapshots a test makes fail.
type tallies struct {
	eventstore.Store

	unreadable, refused error
}

func (s *tallies) Snapshot(ctx context.Context, stream eventstore.Stream, name string) (eventstore.Snapshot, error) {
	if s.unreadable != nil {
		return eventstore.Snapshot{}, s.unreadable
	}
	return s.Store.Snapshot(ctx, stream, name)
}

func (s *tallies) KeepSnapshot(
	ctx context.Context, stream eventstore.Stream, name string, snapshot eventstore.Snapshot,
) error {
	if s.refused != nil {
		return s.refused
	}
	return s.Store.KeepSnapshot(ctx, stream, name, snapshot)
}

func newTallies(t *testing.T) *tallies {
	t.Helper()
	store, err := memory.New(memory.Config{Categories: []string{"Tally"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return &tallies{Store: store}
}

// repository makes a new repository, as a program that was started again does. It takes a snapshot
// with every fourth event.
func repository(t *testing.T, s eventstore.Store, m *prom.Metrics, cfg aggregate.Config) *aggregate.Repository[tally] {
	t.Helper()
	cfg.Hooks, cfg.Logger = m.Repository("Tally"), slog.New(slog.DiscardHandler)
	cfg.Snapshots.Every, cfg.Snapshots.LoadTime = 4, time.Hour
	r, err := aggregate.NewRepository(t.Context(), aggregate.NewType("Tally", counted{}), s, jsoncodec.Codec{}, cfg)
	require.NoError(t, err)
	return r
}

// count counts once.
func count(t *testing.T, r *aggregate.Repository[tally], id string) {
	t.Helper()
	require.NoError(t, errOf(r.Update(t.Context(), id, func(tally) ([]aggregate.Event[tally], error) {
		return []aggregate.Event[tally]{counted{}}, nil
	})))
}

func ofTally(more ...string) labels {
	l := labels{"category": "Tally"}
	for i := 0; i < len(more); i += 2 {
		l[more[i]] = more[i+1]
	}
	return l
}

// Loads, and the events that they fold, are counted by the source of the state. All series are
// there from the start.
func TestLoadsAreCountedBySource(t *testing.T) {
	t.Parallel()
	m, r := metrics(t, prom.Config{})
	loads := func(start, snapshot, cache float64) {
		t.Helper()
		for source, want := range map[string]float64{"start": start, "snapshot": snapshot, "cache": cache} {
			require.Equal(t, want, value(t, r, "fencelog_load_duration_seconds", ofTally("source", source)), source)
		}
	}
	folded := func(start, snapshot, cache float64) {
		t.Helper()
		for source, want := range map[string]float64{"start": start, "snapshot": snapshot, "cache": cache} {
			require.Equal(t, want, value(t, r, "fencelog_load_records_total", ofTally("source", source)), source)
		}
	}
	store := newTallies(t)
	first := repository(t, store, m, aggregate.Config{})
	loads(0, 0, 0)
	folded(0, 0, 0)
	for range 6 {
		count(t, first, "a")
	}
	loads(1, 0, 5)
	folded(0, 0, 0)
	count(t, repository(t, store, m, aggregate.Config{}), "a")
	loads(1, 1, 5)
	folded(0, 2, 0) // 5 and 6, behind the snapshot of 4
	count(t, first, "a")
	loads(1, 1, 6)
	folded(0, 2, 1)
	off := aggregate.Snapshots{Off: true}
	_, err := repository(t, store, m, aggregate.Config{Snapshots: off}).Load(t.Context(), "a")
	require.NoError(t, err)
	loads(2, 1, 6)
	folded(8, 2, 1)
}

// A load may take some microseconds, or some seconds.
func TestBucketsOfLoads(t *testing.T) {
	t.Parallel()
	m, r := metrics(t, prom.Config{})
	for _, d := range []time.Duration{time.Microsecond, 3 * time.Microsecond, time.Second} {
		m.Repository("Tally").Loaded(t.Context(), aggregate.Loaded{From: aggregate.FromCache, Duration: d})
	}
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "fencelog_load_duration_seconds" {
			continue
		}
		for _, series := range f.GetMetric() {
			upTo := make(map[float64]uint64)
			buckets := series.GetHistogram().GetBucket()
			for _, b := range buckets {
				upTo[b.GetUpperBound()] = b.GetCumulativeCount()
			}
			if upTo[10] == 0 {
				continue // of another source
			}
			require.Equal(t, []uint64{1, 1, 2, 2, 3}, []uint64{upTo[1e-6], upTo[2.5e-6], upTo[5e-6], upTo[.5], upTo[1]})
			return
		}
	}
	require.Fail(t, "there are none")
}

// Snapshots are counted as kept, failed or dropped. It is no failure if the store is closed.
func TestSnapshotsAreCounted(t *testing.T) {
	t.Parallel()
	m, r := metrics(t, prom.Config{})
	store := newTallies(t)
	counted := func(name string, more ...string) float64 {
		t.Helper()
		return value(t, r, "fencelog_snapshots_"+name, ofTally(more...))
	}
	again := func(program string) *aggregate.Repository[tally] {
		return repository(t, store, m, aggregate.Config{Snapshots: aggregate.Snapshots{Program: program}})
	}
	first := again("v1")
	for _, name := range []string{"kept_total", "kept_bytes_total", "failed_total"} {
		require.Zero(t, counted(name), name)
	}
	for range 5 {
		count(t, first, "a")
	}
	require.Equal(t, 1.0, counted("kept_total"))
	require.Positive(t, counted("kept_bytes_total"))
	require.Zero(t, counted("dropped_total", "reason", prom.DroppedOtherProgram))
	require.Zero(t, counted("dropped_total", "reason", prom.DroppedDamaged))

	store.refused = errors.New("no room")
	count(t, again("v2"), "a")
	require.Equal(t, 1.0, counted("dropped_total", "reason", prom.DroppedOtherProgram))
	require.Equal(t, 1.0, counted("failed_total"), "the next one")
	store.refused = eventstore.ErrClosed
	count(t, again("v2"), "a")
	require.Equal(t, 1.0, counted("failed_total"))
	require.Equal(t, 1.0, counted("kept_total"))

	store.refused, store.unreadable = nil, errors.New("the disk has lost it")
	count(t, again("v2"), "a")
	require.Equal(t, 1.0, counted("dropped_total", "reason", prom.DroppedDamaged))
}

// The cache of a repository is measured at each scrape, and its evictions are counted.
func TestCachesAreMeasured(t *testing.T) {
	t.Parallel()
	const bound = 2_000
	m, r := metrics(t, prom.Config{})
	cached := func(name string) float64 { return value(t, r, "fencelog_cache_"+name, ofTally()) }
	tallies := repository(t, newTallies(t), m, aggregate.Config{Cache: aggregate.Cache{MaxBytes: bound}})
	require.NoError(t, m.Cache("Tally", tallies.Cached))
	require.Error(t, m.Cache("Tally", tallies.Cached), "twice")
	require.Zero(t, cached("states"))
	require.Zero(t, cached("bytes"))
	require.Equal(t, float64(bound), cached("max_bytes"))
	count(t, tallies, "a")
	require.Equal(t, 1.0, cached("states"))
	require.Positive(t, cached("bytes"))
	require.Zero(t, cached("evicted_states_total"))
	require.Zero(t, cached("evicted_bytes_total"))
	const more = 50
	for i := range more {
		count(t, tallies, fmt.Sprint("b-", i))
	}
	require.Equal(t, float64(more+1), cached("states")+cached("evicted_states_total"))
	require.LessOrEqual(t, cached("bytes"), float64(bound))
	require.Greater(t, cached("evicted_bytes_total"), float64(bound))

	off := repository(t, newTallies(t), m, aggregate.Config{Cache: aggregate.Cache{Off: true}})
	require.NoError(t, m.Cache("Other", off.Cached))
	require.Zero(t, value(t, r, "fencelog_cache_max_bytes", labels{"category": "Other"}))
}
