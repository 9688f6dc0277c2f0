package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Units of Grafana, by what they fit.
var (
	events   = []string{"eps", "recps"}
	rates    = []string{"eps", "recps", "ops", "reqps", "Bps", "binBps"}
	amounts  = []string{"none", "short", "s", "bytes", "percentunit"}
	selector = regexp.MustCompile(`\b((?:kafka|jvm|process|fencelog)_\w+|up|ALERTS)\b(\{[^}]*\})?(\[[^\]]+\])?`)
	window   = regexp.MustCompile(`(\w+)\(\s*(?:(?:kafka|jvm|process|fencelog)_\w+)(?:\{[^}]*\})?\[([^\]]+)\]`)
	counters = regexp.MustCompile(`_(total|bucket|count|sum)$`)
	variable = regexp.MustCompile(`\$(\w+)|\$\{(\w+)\}`)

	// wholeCluster has the panels that are about all instances or all brokers, each with the
	// variable that must not narrow it. If a user chose one instance, what the others own would
	// look lost.
	wholeCluster = map[string]string{
		"Fencelog / Partitions without an owner / A": "instance",
		"Kafka Overview / Active controllers / A":    "broker",
		"Kafka Overview / Brokers up / A":            "broker",
	}
)

// labelsOf returns the label by which a variable chooses series of a metric. That is the variable's
// name, except for the groups of Kafka's metrics.
func labelsOf(name, metric string) string {
	if name == "group" && strings.HasPrefix(metric, "kafka_") {
		return "consumergroup"
	}
	return name
}

// Queries show what counters gain, in a window that survives a scrape that fails.
func TestCountersAreShownAsRates(t *testing.T) {
	t.Parallel()
	for name, expr := range expressions(t) {
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			if counters.MatchString(m[1]) {
				require.NotEmpty(t, m[3], "%s: the counter %s has no window", name, m[1])
			}
		}
		for _, w := range window.FindAllStringSubmatch(expr, -1) {
			switch w[1] {
			case "rate", "deriv":
				require.Contains(t, []string{"$__rate_interval", "5m", "10m"}, w[2], "%s: %s", name, w[0])
			case "increase":
				require.Contains(t, []string{"1h", "10m", "30s"}, w[2], "%s: %s", name, w[0])
			default:
				require.Fail(t, "a window without rate, deriv or increase", "%s: %s", name, w[0])
			}
		}
	}
}

// expressions are all queries of dashboards, their annotations, and alerts, by name.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, d := range readDashboards(t) {
		maps.Copy(all, d.expressions())
	}
	for _, a := range readAlerts(t) {
		all["alert / "+a.Alert] = a.Expr
	}
	return all
}

// expressions are all queries of the board and its annotations, by name.
func (d dashboard) expressions() map[string]string {
	all := make(map[string]string)
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			all[d.Title+" / "+p.Title+" / "+q.RefID] = q.Expr
		}
	}
	for _, a := range d.Annotations.List {
		all[d.Title+" / annotation "+a.Name] = a.Expr
	}
	return all
}

// A panel has the unit of what it shows. Everything that it shows has one unit.
func TestUnitsFit(t *testing.T) {
	t.Parallel()
	for _, d := range readDashboards(t) {
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			name, unit := d.Title+" / "+p.Title, p.FieldConfig.Defaults.Unit
			require.Contains(t, slices.Concat(rates, amounts), unit, name)
			for _, q := range p.Targets {
				require.Contains(t, unitsOf(q.Expr), unit, "%s: %s", name, q.Expr)
			}
		}
	}
}

// unitsOf returns the units in which the values of an expression may be shown.
func unitsOf(expr string) []string {
	metrics := selector.FindAllStringSubmatch(expr, -1)
	is := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(metrics[0][1]) }
	perSecond := strings.Contains(expr, "rate(") || strings.Contains(expr, "deriv(")
	switch {
	case strings.HasPrefix(expr, "count(") || strings.HasPrefix(expr, "count by"):
		return []string{"none"}
	case strings.Contains(expr, "histogram_quantile("), is("_seconds$"):
		return []string{"s"}
	case is("^process_cpu_seconds_total$"):
		return []string{"none"} // processor cores
	case is("_seconds_sum$"), strings.Contains(expr, " / ") && !is("^fencelog_batch_"), is("_ratio$"):
		return []string{"percentunit"}
	case strings.Contains(expr, " / "):
		return []string{"none", "short"}
	case perSecond && is("bytes"):
		return []string{"Bps", "binBps"}
	case perSecond && is("_(records|handled|messagesin|retries|dead_letters|parked)_total$|_(offset|lag)$"):
		return events
	case perSecond && is("_http_|^kafka_broker_.*requests_total$"):
		return []string{"reqps"}
	case perSecond:
		return []string{"ops"}
	case is("_bytes$"):
		return []string{"bytes"}
	}
	return []string{"none", "short"}
}

// A user chooses data source, instance and topic at the top of a board. The links to other boards
// keep the choice.
func TestBoardsHaveVariablesAndLinks(t *testing.T) {
	t.Parallel()
	boards := readDashboards(t)
	for _, d := range boards {
		require.Contains(t, d.Tags, "fencelog", d.Title)
		require.Contains(t, []string{"10s", "30s", "1m"}, d.Refresh, d.Title)
		require.Equal(t, "now-1h", d.Time.From, d.Title)
		require.Len(t, d.Links, 1, d.Title)
		require.Equal(t, link{
			Type: "dashboards", Tags: []string{"fencelog"}, AsDropdown: true, IncludeVars: true,
			KeepTime: true,
		}, d.Links[0], d.Title)
		source := d.Templating.List[0]
		require.Equal(t, "datasource", source.Name, d.Title)
		require.Equal(t, "datasource", source.Type, d.Title)
		require.Equal(t, "prometheus", source.Query, d.Title)
		require.Greater(t, len(d.Templating.List), 1, d.Title)
		for _, v := range d.Templating.List[1:] {
			require.True(t, v.Multi && v.IncludeAll && v.AllValue == ".*" && v.Refresh == 2, "%s: $%s", d.Title, v.Name)
			require.Equal(t, "${datasource}", v.Datasource.UID, "%s: $%s", d.Title, v.Name)
		}
		for _, p := range d.Panels {
			for _, l := range p.Links {
				uid, _, _ := strings.Cut(strings.TrimPrefix(l.URL, "/d/"), "?")
				require.True(t, slices.ContainsFunc(boards, func(d dashboard) bool {
					return d.UID == uid
				}), "%s / %s: %s", d.Title, p.Title, l.URL)
			}
		}
	}
}

// Each variable narrows something. If the series of a query have a label of a board's variable,
// that variable narrows the query, and no other does. The exceptions are those of wholeCluster.
func TestQueriesUseTheVariables(t *testing.T) {
	t.Parallel()
	labels := map[string][]string{ // by variable: how the names begin of metrics that have its label; all have instance
		"category": {
			"fencelog_append_", "fencelog_subscription_", "fencelog_load_", "fencelog_cache_", "fencelog_snapshots_",
		},
		"topic": {
			"fencelog_partition", "fencelog_topic_problems", "fencelog_batch_", "fencelog_claim_", "fencelog_barrier",
			"fencelog_skipped_",
			"kafka_topic_", "kafka_log_size_bytes", "kafka_consumergroup_lag", "kafka_consumergroup_current_offset",
		},
		"group":  {"fencelog_subscription_", "kafka_consumergroup_"},
		"broker": {"kafka_broker_", "kafka_controller_", "kafka_log_", "jvm_", "process_", "up", "ALERTS"},
	}
	whole := 0
	for _, d := range readDashboards(t) {
		used := map[string]bool{"datasource": true, "__rate_interval": true}
		for name, expr := range d.expressions() {
			for _, m := range selector.FindAllStringSubmatch(expr, -1) {
				for _, v := range d.Templating.List[1:] {
					has := v.Name == "instance" ||
						slices.ContainsFunc(labels[v.Name], func(prefix string) bool {
							return strings.HasPrefix(m[1], prefix)
						})
					if wholeCluster[name] == v.Name {
						require.True(t, has, name)
						has = false
						whole++
					}
					matcher := labelsOf(v.Name, m[1]) + `=~"$` + v.Name + `"`
					require.Equal(t, has, strings.Contains(m[2], matcher), "%s: %s and %s", name, m[0], matcher)
					used[v.Name] = used[v.Name] || has
				}
			}
			for _, v := range variable.FindAllStringSubmatch(expr, -1) {
				require.True(t, used[v[1]+v[2]], "%s: no variable has the name of %s", name, v[0])
			}
		}
		for _, v := range d.Templating.List {
			require.True(t, used[v.Name], "%s: nothing uses $%s", d.Title, v.Name)
		}
	}
	require.Len(t, wholeCluster, whole, "each of them is a panel")
}
