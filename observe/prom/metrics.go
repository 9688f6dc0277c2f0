package prom

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

const namespace = "fencelog"

// Outcomes of an append, the label "outcome" of fencelog_append_duration_seconds.
const (
	OutcomeStored   = "stored"
	OutcomeRepeated = "repeated"  // the command had been stored before
	OutcomeConflict = "conflict"  // the stream stood at another version
	OutcomeNotOwner = "not_owner" // another instance owns the partition
	OutcomeUnknown  = "unknown"   // it may or may not be stored
	OutcomeRefused  = "refused"   // bad input
	OutcomeCanceled = "canceled"  // the caller gave up, or the store was closed
	OutcomeFailed   = "failed"    // anything else, such as the caller's time being up
)

// CodeOther is the label "code" of refusals that [Config.Refusals] does not list.
const CodeOther = "other"

// Config configures [Metrics]; every field may be left zero.
type Config struct {
	// Outcome names the outcome of a command or a query, for the label "outcome". It must have few
	// values. Default: "ok" or "failed".
	Outcome func(err error) string

	// Refusal names the reason why a command or a query was refused, for the label "code", such as
	// the code of a business rule. It returns "" if err is no refusal. Default: nothing is a
	// refusal.
	Refusal func(err error) string

	// Refusals are the codes that Refusal may return. Any other code counts as [CodeOther], so that
	// no request makes up labels. Default: none.
	Refusals []string

	// LatencyBuckets are the bounds, in seconds, of the time that a request or an append takes.
	// Default: 0.5 ms to 10 s.
	LatencyBuckets []float64
}

// Metrics are the counters and histograms of one process.
type Metrics struct {
	cfg        Config
	registerer prometheus.Registerer

	appends, batches, claims, barriers      *prometheus.HistogramVec
	commands, queries, requests             *prometheus.HistogramVec
	batchCommits, batchRecords              *prometheus.HistogramVec
	records, batchFailures, losses, skipped *prometheus.CounterVec
	barrierFailures                         *prometheus.CounterVec
	commandRefusals, queryRefusals          *prometheus.CounterVec
	loads                                   *prometheus.HistogramVec
	loadRecords                             *prometheus.CounterVec
	evictedStates, evictedBytes             *prometheus.CounterVec
	snapshotsKept, snapshotBytes            *prometheus.CounterVec
	snapshotsFailed, snapshotsDropped       *prometheus.CounterVec
	inFlight                                prometheus.Gauge
}

// New returns metrics that are registered with r. It fails if r has metrics with these names.
func New(r prometheus.Registerer, cfg Config) (*Metrics, error) {
	if cfg.Outcome == nil {
		cfg.Outcome = func(err error) string {
			if err != nil {
				return OutcomeFailed
			}
			return "ok"
		}
	}
	if cfg.Refusal == nil {
		cfg.Refusal = func(error) string { return "" }
	}
	if cfg.LatencyBuckets == nil {
		cfg.LatencyBuckets = []float64{.0005, .001, .002, .003, .005, .0075, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	}
	m := &Metrics{cfg: cfg, registerer: r}
	m.ofTheStore()
	m.ofCallers()
	m.ofRepositories()
	for _, code := range append(slices.Clone(cfg.Refusals), CodeOther) {
		m.commandRefusals.WithLabelValues(code)
		m.queryRefusals.WithLabelValues(code)
	}
	return m, m.register(m.appends, m.records, m.batches, m.batchCommits, m.batchRecords, m.batchFailures,
		m.claims, m.barriers, m.barrierFailures, m.losses, m.skipped,
		m.commands, m.queries, m.commandRefusals, m.queryRefusals, m.requests, m.inFlight,
		m.loads, m.loadRecords, m.evictedStates, m.evictedBytes,
		m.snapshotsKept, m.snapshotBytes, m.snapshotsFailed, m.snapshotsDropped, buildInfo())
}

// ofTheStore makes the metrics for the hooks of the store.
func (m *Metrics) ofTheStore() {
	counts, buckets := prometheus.ExponentialBuckets(1, 2, 14), m.cfg.LatencyBuckets
	m.appends = histogram("append_duration_seconds",
		"What Append took, by what became of it.", buckets, "category", "outcome")
	m.records = counter("append_records_total", "Events that were stored.", "category")
	m.batches = histogram("batch_duration_seconds",
		"From sending a record batch to its acknowledgement, all attempts together.", buckets, "topic")
	m.batchCommits = histogram("batch_commits", "Commits in a record batch.", counts, "topic")
	m.batchRecords = histogram("batch_records", "Events in a record batch.", counts, "topic")
	m.batchFailures = counter("batch_failures_total", "Record batches that were given up.", "topic")
	m.claims = histogram("claim_duration_seconds", "Claiming a partition and catching up with it.",
		[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}, "topic")
	m.barriers = histogram("barrier_duration_seconds",
		"Barriers: what confirms a refusal where there is nothing to append.", buckets, "topic")
	m.barrierFailures = counter("barrier_failures_total",
		"Barriers that showed that this instance no longer owns the partition, or nothing.", "topic")
	m.losses = counter("partitions_lost_total",
		"Partitions that another instance took, or that cannot be appended to any more.", "topic")
	m.skipped = counter("skipped_records_total",
		"Records that do not count, as another program than the owner wrote them.", "topic")
}

// ofCallers makes the metrics for the buses and HTTP.
func (m *Metrics) ofCallers() {
	buckets := m.cfg.LatencyBuckets
	m.commands = histogram("command_duration_seconds",
		"What the handling of a command took, by what became of it.", buckets, "command", "outcome")
	m.queries = histogram("query_duration_seconds",
		"What the handling of a query took, by what became of it.", buckets, "query", "outcome")
	m.commandRefusals = counter("command_refusals_total",
		"Commands that were refused, by the code of the reason.", "code")
	m.queryRefusals = counter("query_refusals_total", "Queries that were refused, by the code of the reason.", "code")
	m.requests = histogram("http_request_duration_seconds",
		"What the handling of an HTTP request took.", buckets, "method", "route", "status")
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "http_requests_in_flight", Help: "HTTP requests that are being handled.",
	})
}

func (m *Metrics) register(all ...prometheus.Collector) error {
	var failed []error
	for _, c := range all {
		failed = append(failed, m.registerer.Register(c))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// Kafka returns hooks for [kafka.Config]. The counters of the categories exist from the start,
// at 0.
func (m *Metrics) Kafka(cfg kafka.Config) (kafka.Hooks, error) {
	all, err := cfg.Topics.All()
	if err != nil {
		return kafka.Hooks{}, err
	}
	for _, t := range all {
		for _, c := range []*prometheus.CounterVec{m.batchFailures, m.barrierFailures, m.losses, m.skipped} {
			c.WithLabelValues(t.Name)
		}
		m.barriers.WithLabelValues(t.Name)
	}
	for _, c := range cfg.Topics.Categories {
		m.records.WithLabelValues(c.Name)
		for _, o := range outcomes() {
			m.appends.WithLabelValues(c.Name, o)
		}
	}
	return kafka.Hooks{
		Appended: m.Appended,
		Wrote: func(b kafka.Batch) {
			m.batches.WithLabelValues(b.Topic).Observe(b.Duration.Seconds())
			m.batchCommits.WithLabelValues(b.Topic).Observe(float64(b.Commits))
			m.batchRecords.WithLabelValues(b.Topic).Observe(float64(b.Records))
			if b.Err != nil {
				m.batchFailures.WithLabelValues(b.Topic).Inc()
			}
		},
		Barred: func(b kafka.Barrier) {
			m.barriers.WithLabelValues(b.Topic).Observe(b.Duration.Seconds())
			if b.Err != nil {
				m.barrierFailures.WithLabelValues(b.Topic).Inc()
			}
		},
		Claimed: func(c kafka.Claim) { m.claims.WithLabelValues(c.Topic).Observe(c.Duration.Seconds()) },
		Lost:    func(l kafka.Loss) { m.losses.WithLabelValues(l.Topic).Inc() },
		Skipped: func(s kafka.Skip) { m.skipped.WithLabelValues(s.Topic).Add(float64(s.Records)) },
	}, nil
}

// Appended is an [eventstore.OnAppend], for a store that is not in Kafka.
func (m *Metrics) Appended(_ context.Context, a eventstore.Appended) {
	outcome := outcomeOf(a)
	category := a.Commit.Stream().Category
	m.appends.WithLabelValues(category, outcome).Observe(a.Duration.Seconds())
	if outcome == OutcomeStored {
		m.records.WithLabelValues(category).Add(float64(len(a.Commit.Records)))
	}
}

func outcomes() []string {
	return []string{
		OutcomeStored, OutcomeRepeated, OutcomeConflict, OutcomeNotOwner, OutcomeUnknown, OutcomeRefused,
		OutcomeCanceled, OutcomeFailed,
	}
}

func outcomeOf(a eventstore.Appended) string {
	switch {
	case a.Err == nil && a.Result.Repeated:
		return OutcomeRepeated
	case a.Err == nil:
		return OutcomeStored
	case errors.Is(a.Err, eventstore.ErrConflict):
		return OutcomeConflict
	case errors.Is(a.Err, eventstore.ErrOutcomeUnknown):
		return OutcomeUnknown
	case errors.Is(a.Err, eventstore.ErrNotOwner):
		return OutcomeNotOwner
	case errors.Is(a.Err, eventstore.ErrInvalid), errors.Is(a.Err, eventstore.ErrCommandReused):
		return OutcomeRefused
	case errors.Is(a.Err, context.Canceled), errors.Is(a.Err, eventstore.ErrClosed):
		return OutcomeCanceled
	}
	return OutcomeFailed
}
