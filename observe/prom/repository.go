package prom

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

// Reasons why a snapshot was dropped, the label "reason" of fencelog_snapshots_dropped_total.
const (
	DroppedOtherProgram = "other_program" // it is of another program, as after each deployment
	DroppedDamaged      = "damaged"       // it cannot be read, or does not fit the stream
)

// ofRepositories makes the metrics for the hooks of repositories.
func (m *Metrics) ofRepositories() {
	m.loads = histogram("load_duration_seconds",
		"Reading and folding the events of an aggregate, by the source of the state that it began with.",
		[]float64{
			1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, .001, .0025, .005, .01, .025, .05, .1, .25, .5,
			1, 2.5, 5, 10,
		}, "category", "source")
	m.loadRecords = counter("load_records_total",
		"Stored events that were read and folded, by the source of the state that the load began with.",
		"category", "source")
	m.evictedStates = counter("cache_evicted_states_total",
		"States that were dropped from memory to make room for others.", "category")
	m.evictedBytes = counter("cache_evicted_bytes_total", "About what these states took.", "category")
	m.snapshotsKept = counter("snapshots_kept_total", "Snapshots that were taken and kept.", "category")
	m.snapshotBytes = counter("snapshots_kept_bytes_total", "What these snapshots take.", "category")
	m.snapshotsFailed = counter("snapshots_failed_total", "Snapshots that could not be taken or kept.", "category")
	m.snapshotsDropped = counter("snapshots_dropped_total",
		"Snapshots that were found and could not be used, by the reason.", "category", "reason")
}

// Repository returns hooks for the [aggregate.Config] of a category's repository. Its counters
// exist from the start, at 0. [Metrics.Cache] has what the repository keeps in memory.
func (m *Metrics) Repository(category string) aggregate.Hooks {
	load := func(source aggregate.Source) func(aggregate.Loaded) {
		loads := m.loads.WithLabelValues(category, string(source))
		records := m.loadRecords.WithLabelValues(category, string(source))
		return func(l aggregate.Loaded) {
			loads.Observe(l.Duration.Seconds())
			records.Add(float64(l.Folded))
		}
	}
	fromStart, fromSnapshot, fromCache := load(aggregate.FromStart), load(aggregate.FromSnapshot),
		load(aggregate.FromCache)
	evictedStates, evictedBytes := m.evictedStates.WithLabelValues(category), m.evictedBytes.WithLabelValues(category)
	kept, keptBytes := m.snapshotsKept.WithLabelValues(category), m.snapshotBytes.WithLabelValues(category)
	failed := m.snapshotsFailed.WithLabelValues(category)
	otherProgram := m.snapshotsDropped.WithLabelValues(category, DroppedOtherProgram)
	damaged := m.snapshotsDropped.WithLabelValues(category, DroppedDamaged)
	return aggregate.Hooks{
		Loaded: func(_ context.Context, l aggregate.Loaded) {
			switch l.From {
			case aggregate.FromCache:
				fromCache(l)
			case aggregate.FromSnapshot:
				fromSnapshot(l)
			case aggregate.FromStart:
				fromStart(l)
			}
		},
		Evicted: func(e aggregate.Evicted) {
			evictedStates.Add(float64(e.States))
			evictedBytes.Add(float64(e.Bytes))
		},
		SnapshotKept: func(_ context.Context, k aggregate.SnapshotKept) {
			switch {
			case k.Err == nil:
				kept.Inc()
				keptBytes.Add(float64(k.Bytes))
			case !errors.Is(k.Err, eventstore.ErrClosed): // closing a store is no failure
				failed.Inc()
			}
		},
		SnapshotDropped: func(_ context.Context, d aggregate.SnapshotDropped) {
			if errors.Is(d.Err, aggregate.ErrOtherProgram) {
				otherProgram.Inc()
				return
			}
			damaged.Inc()
		},
	}
}

// Cache adds what a category's repository keeps in memory. It calls cached, such as the
// repository's method Cached, at each scrape. It fails if m has a cache of that category already.
func (m *Metrics) Cache(category string, cached func() aggregate.Cached) error {
	labels := prometheus.Labels{"category": category}
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "cache", name), help, nil, labels)
	}
	return m.register(&cacheCollector{
		cached: cached,
		states: gauge("states", "Aggregates whose states are in memory."),
		bytes:  gauge("bytes", "About what these states take."),
		bound:  gauge("max_bytes", "What they may take at most; 0 if no states are kept."),
	})
}

type cacheCollector struct {
	cached               func() aggregate.Cached
	states, bytes, bound *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (c *cacheCollector) Describe(all chan<- *prometheus.Desc) {
	all <- c.states
	all <- c.bytes
	all <- c.bound
}

// Collect implements [prometheus.Collector].
func (c *cacheCollector) Collect(all chan<- prometheus.Metric) {
	now := c.cached()
	for d, value := range map[*prometheus.Desc]int{c.states: now.States, c.bytes: now.Bytes, c.bound: now.MaxBytes} {
		all <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value))
	}
}
