//go:build cluster

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = 6 * time.Minute // some series need five
	tick     = 500 * time.Millisecond
)

// sample is one series and its value.
type sample struct {
	labels map[string]string
	value  float64
}

// prometheusAt asks a Prometheus.
type prometheusAt string

// ask returns what a query yields now.
func (p prometheusAt) ask(t *testing.T, expr string) []sample {
	t.Helper()
	var result struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	p.get(t, "/api/v1/query?query="+url.QueryEscape(expr), &result)
	var samples []sample
	for _, r := range result.Result {
		var v float64
		_, err := fmt.Sscan(r.Value[1].(string), &v)
		require.NoError(t, err, expr)
		samples = append(samples, sample{r.Metric, v})
	}
	return samples
}

// awaitAlerts waits until all of the alerts fire.
func (p prometheusAt) awaitAlerts(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		requireAlert(t, name)
		require.Eventually(t, func() bool {
			return len(p.firing(t, name)) > 0
		}, patience, tick, "%s does not fire", name)
	}
}

// awaitQuiet waits until none of the alerts fires.
func (p prometheusAt) awaitQuiet(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		requireAlert(t, name)
		require.Eventually(t, func() bool {
			return len(p.firing(t, name)) == 0
		}, patience, tick, "%s still fires", name)
	}
}

func (p prometheusAt) firing(t *testing.T, name string) []sample {
	t.Helper()
	return p.ask(t, fmt.Sprintf("ALERTS{alertname=%q, alertstate=%q}", name, "firing"))
}

func requireAlert(t *testing.T, name string) {
	t.Helper()
	require.True(t, slices.ContainsFunc(readAlerts(t), func(a alert) bool { return a.Alert == name }), name)
}

// values resolves a query of a dashboard's variable.
func (p prometheusAt) values(t *testing.T, query string) []string {
	t.Helper()
	parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(query)
	require.Len(t, parts, 3, query)
	var values []string
	p.get(t, "/api/v1/label/"+parts[2]+"/values?match[]="+url.QueryEscape(parts[1]), &values)
	return values
}

func (p prometheusAt) get(t *testing.T, path string, data any) {
	t.Helper()
	body, err := get(t.Context(), string(p)+path)
	require.NoError(t, err, path)
	answer := struct {
		Status string
		Data   any
	}{Data: data}
	require.NoError(t, json.Unmarshal(body, &answer), path)
	require.Equal(t, "success", answer.Status, path)
}

// unknownMetrics returns the names in a query for which Prometheus has no series.
func (p prometheusAt) unknownMetrics(t *testing.T, expr string) []string {
	t.Helper()
	var unknown []string
	for _, name := range regexp.MustCompile(`\b(?:(?:kafka|jvm|process|fencelog)_\w+|up\b)`).FindAllString(expr, -1) {
		if len(p.ask(t, "count("+name+")")) == 0 {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// queriesOf returns all queries of a dashboard as Grafana would send them with everything chosen.
func queriesOf(t *testing.T, p prometheusAt, d dashboard) []query {
	t.Helper()
	// As in Grafana: four scrapes, so that a rate survives one that fails.
	replacements := []string{"$__rate_interval", "20s"}
	for _, v := range d.Templating.List {
		if v.Type == "datasource" {
			continue
		}
		require.Eventually(t, func() bool { return len(p.values(t, v.Query)) > 0 }, patience, tick,
			"variable %s of %s has no values", v.Name, d.Title)
		replacements = append(replacements, "$"+v.Name, v.AllValue)
	}
	resolve := strings.NewReplacer(replacements...)
	var all []query
	add := func(name, expr string) {
		q := query{d.Title + " / " + name, resolve.Replace(expr)}
		require.NotContains(t, q.expr, "$", q.name)
		all = append(all, q)
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			add(panel.Title+" / "+target.RefID, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		add("annotation "+a.Name, a.Expr)
	}
	return all
}
