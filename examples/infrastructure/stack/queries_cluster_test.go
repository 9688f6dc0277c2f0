//go:build cluster

package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// readNoSeries returns the queries that yield nothing while all is well, and why that is right.
func readNoSeries(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join(infrastructure, "grafana", "no-series.csv"))
	require.NoError(t, err)
	defer file.Close()
	reader := csv.NewReader(file)
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	require.NoError(t, err)
	reasons := make(map[string]string)
	for _, row := range rows {
		require.Len(t, row, 2)
		require.NotEmpty(t, row[1], row[0])
		reasons[row[0]] = row[1]
	}
	return reasons
}

// checkQueries puts all queries to Prometheus, again and again, until nothing is wrong. Some series
// begin with the traffic, and a rate or a slope needs several scrapes.
func checkQueries(t *testing.T, p prometheusAt) {
	t.Helper()
	reasons := readNoSeries(t)
	require.NotEmpty(t, reasons)
	all := queriesOfAll(t, p)
	for name := range reasons {
		require.True(t, slices.ContainsFunc(all, func(q query) bool { return q.name == name }),
			"no-series.csv names a query that there is not: %s", name)
	}
	again := time.NewTicker(tick)
	defer again.Stop()
	for end := time.Now().Add(patience); ; <-again.C {
		known, wrong := askAll(t, p, all, reasons)
		if len(wrong) > 0 && time.Now().Before(end) {
			continue
		}
		for _, q := range all {
			if a, ok := known[q.name]; ok {
				t.Logf("%-62s %2d series, sum %s", q.name, a.series, fmt.Sprintf("%.4g", a.sum))
			}
		}
		require.Empty(t, wrong, "after %v", patience)
		return
	}
}

// queriesOfAll returns the queries of all dashboards and alerts.
func queriesOfAll(t *testing.T, p prometheusAt) []query {
	t.Helper()
	var all []query
	for _, d := range readDashboards(t) {
		all = append(all, queriesOf(t, p, d)...)
	}
	for _, a := range readAlerts(t) {
		all = append(all, query{"alert / " + a.Alert, a.Expr})
	}
	names := make(map[string]bool)
	for _, q := range all {
		require.NotContains(t, names, q.name, "two queries with one name")
		names[q.name] = true
	}
	return all
}

// answer is what a query yields.
type answer struct {
	series int
	sum    float64
}

// eitherWay begins the reason of a query that yields something at some moments, and nothing at
// others.
const eitherWay = "either way: "

// askAll puts the queries to Prometheus once. Each must yield something, or stand in the table with
// the reason why not.
func askAll(
	t *testing.T, p prometheusAt, all []query, reasons map[string]string,
) (known map[string]answer, wrong []string) {
	t.Helper()
	known = make(map[string]answer)
	for _, q := range all {
		if unknown := p.unknownMetrics(t, q.expr); len(unknown) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: no series have the names %q: %s", q.name, unknown, q.expr))
			continue
		}
		a := answer{}
		for _, s := range p.ask(t, q.expr) {
			a.series++
			a.sum += s.value
		}
		known[q.name] = a
		switch reason, excused := reasons[q.name]; {
		case strings.HasPrefix(reason, eitherWay):
		case excused && a.series > 0:
			wrong = append(wrong,
				fmt.Sprintf("%s yields something, and no-series.csv says that it would not: %s", q.name, reason))
		case !excused && a.series == 0:
			wrong = append(wrong, fmt.Sprintf("%s yields nothing, and no-series.csv has no reason for it: %s", q.name,
				q.expr))
		}
	}
	return known, append(wrong, wrongValues(known)...)
}

// wrongValues compares what is known of the traffic with what the panels say of it.
func wrongValues(known map[string]answer) (wrong []string) {
	for name, want := range map[string]float64{
		"Kafka Overview / Brokers up / A":                           3,
		"Kafka Overview / Active controllers / A":                   1,
		"Kafka Overview / Offline partitions / A":                   0,
		"Kafka Overview / Under-replicated partitions / A":          0,
		"Kafka Overview / Partitions under min.insync.replicas / A": 0,
		"Consumer Lag / Groups / A":                                 1,
		"Consumer Lag / Groups without members / A":                 0,
		"Consumer Lag / Members / A":                                1,
		"Consumer Lag / Unanswered questions / A":                   0,
		"Topic Metrics / Partitions / A":                            10 + 10 + 5 + 1 + 2,
		"Broker Health / Up / A":                                    3,
		"Fencelog / Subscriptions behind / A":                       behind,
		"Fencelog / Partitions without an owner / A":                0,
		"Fencelog / Partitions not followed / A":                    0,
		"Fencelog / Topic problems / A":                             0,
		"Fencelog / Subscription partitions stopped / A":            0,
		"Fencelog / Partitions owned / A":                           10 + 10 + 5,
		"Fencelog / Instances / A":                                  2,
		"Fencelog / Outcomes unknown, last hour / A":                0,
		"Fencelog / Records that do not count, last hour / A":       0,
		"Fencelog / Partitions lost, last hour / A":                 0,
		"Broker Health / State / A":                                 9,
		"Broker Health / Broken disks and lost records / A":         0,
		"Broker Health / Broken disks and lost records / B":         0,
	} {
		if got := known[name].sum; got != want {
			wrong = append(wrong, fmt.Sprintf("%s: %v, expected %v", name, got, want))
		}
	}
	for name, least := range map[string]float64{
		"Consumer Lag / Records behind / A": firstEvents / 2,
		"Topic Metrics / Records / A":       firstEvents,
		"Topic Metrics / On disk / A":       firstEvents * 3, // bytes; three replicas
	} {
		if got := known[name].sum; got < least {
			wrong = append(wrong, fmt.Sprintf("%s: %v, expected %v or more", name, got, least))
		}
	}
	for _, name := range []string{
		"Kafka Overview / Records written / A", "Kafka Overview / Traffic / A", "Kafka Overview / Traffic / B",
		"Kafka Overview / Traffic / C",
		"Kafka Overview / Time of a write / B", "Kafka Overview / Requests / A",
		"Consumer Lag / Consumed and written / A",
		"Consumer Lag / Consumed and written / B", "Topic Metrics / Records written / A", "Topic Metrics / Traffic / A",
		"Topic Metrics / Traffic / B",
		"Fencelog / Events stored / A", "Fencelog / Appends by outcome / A", "Fencelog / Time of an append / A",
		"Fencelog / Commits in a batch / A",
		"Fencelog / Size of the index / A", "Fencelog / Commands by outcome / A", "Fencelog / HTTP requests / A",
		"Fencelog / Time of a request / A",
		"Fencelog / Refusals by code / A", "Fencelog / Refusals of queries by code / A",
		"Fencelog / Time of a batch / A", "Fencelog / Barriers / A",
		"Fencelog / States found in memory / A", "Fencelog / Loads by source / A", "Fencelog / Time of a load / A",
		"Fencelog / Size of the cache / A", "Fencelog / Size of the cache / B", "Fencelog / States in memory / A",
		"Broker Health / Partitions led / A", "Broker Health / Idle request handlers / A", "Broker Health / Heap / A",
		"Broker Health / Processor / A",
	} {
		if got := known[name].sum; got <= 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %v, expected more than 0", name, got))
		}
	}
	return wrong
}
