package prom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fencelog/fencelog/eventstore/subscription"
)

// Subscription adds a subscription, by the name of its group and its category. It calls stats, such
// as the subscription's method Stats, at each scrape. It fails if m has a subscription of that name
// and category already.
func (m *Metrics) Subscription(group, category string, stats func() subscription.Stats) error {
	labels := prometheus.Labels{"group": group, "category": category}
	c := &subscriptionCollector{stats: stats}
	one := func(kind prometheus.ValueType, name, help string, value func(subscription.Stats) float64) {
		d := prometheus.NewDesc(prometheus.BuildFQName(namespace, "subscription", name), help, nil, labels)
		c.all = append(c.all, subscriptionMetric{d, kind, value})
	}
	one(prometheus.CounterValue, "handled_total", "Events that were handled.",
		func(s subscription.Stats) float64 { return float64(s.Handled) })
	one(prometheus.CounterValue, "retries_total", "Attempts after the first.",
		func(s subscription.Stats) float64 { return float64(s.Retried) })
	one(prometheus.CounterValue, "dead_letters_total", "Events that were set aside because the handler failed.",
		func(s subscription.Stats) float64 { return float64(s.DeadLettered) })
	one(prometheus.CounterValue, "parked_total",
		"Events that were set aside because an earlier one of their aggregate is.",
		func(s subscription.Stats) float64 { return float64(s.Parked) })
	one(prometheus.CounterValue, "redriven_total", "Events that were set aside and handled afterwards.",
		func(s subscription.Stats) float64 { return float64(s.Redriven) })
	one(prometheus.GaugeValue, "partitions", "Partitions that this instance reads.",
		func(s subscription.Stats) float64 { return float64(s.Partitions) })
	one(prometheus.GaugeValue, "lag", "Offsets in these partitions that are not done.",
		func(s subscription.Stats) float64 { return float64(s.Lag) })
	one(prometheus.GaugeValue, "waiting",
		"What the subscription has been waiting for longer than its LongWait: events that are tried again, "+
			"or partitions.",
		func(s subscription.Stats) float64 { return float64(s.Waiting) })
	one(prometheus.GaugeValue, "longest_wait_seconds", "The longest of these waits.",
		func(s subscription.Stats) float64 { return s.LongestWait.Seconds() })
	one(prometheus.GaugeValue, "stopped_partitions",
		"Partitions of this instance that are not handled before somebody mends something; its log says what.",
		func(s subscription.Stats) float64 { return float64(s.Stopped) })
	return m.register(c)
}

type subscriptionMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(subscription.Stats) float64
}

type subscriptionCollector struct {
	stats func() subscription.Stats
	all   []subscriptionMetric
}

// Describe implements [prometheus.Collector].
func (c *subscriptionCollector) Describe(all chan<- *prometheus.Desc) {
	for _, m := range c.all {
		all <- m.desc
	}
}

// Collect implements [prometheus.Collector].
func (c *subscriptionCollector) Collect(all chan<- prometheus.Metric) {
	s := c.stats()
	for _, m := range c.all {
		all <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s))
	}
}
