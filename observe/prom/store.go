package prom

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fencelog/fencelog/kafka"
)

// Store adds the state of a store's partitions, and the size of its index, as of each scrape. It
// fails if m has a store already.
func (m *Metrics) Store(s *kafka.Store) error {
	labels := []string{"topic", "partition"}
	return m.register(&storeCollector{
		store: s,
		owned: desc("partition_owned", "1 if this instance owns the partition, as far as it knows.", labels...),
		ended: desc("partition_ended", "1 if this instance must be started again to read the partition.", labels...),
		problems: desc("topic_problems",
			"Properties of the topic that are not as they must be, or were not and may have cost records.", "topic"),
		looked:   desc("topics_looked_at_timestamp_seconds", "When brokers last answered about all topics."),
		readable: desc("partition_readable", "0 if the partition is not followed now, see partition_ended.", labels...),
		next:     desc("partition_next_offset", "The first offset that the index does not hold.", labels...),
		lag: desc("partition_lag",
			"Offsets that the partition has, as a broker told last, and that the index does not hold.", labels...),
		index: desc("index_bytes", "Size of the index, on disk or in memory."),
	})
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

type storeCollector struct {
	store                                    *kafka.Store
	owned, readable, ended, next, lag, index *prometheus.Desc
	problems, looked                         *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (c *storeCollector) Describe(all chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.owned, c.readable, c.ended, c.next, c.lag, c.index, c.problems, c.looked} {
		all <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *storeCollector) Collect(all chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		all <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, p := range c.store.Status() {
		partition := strconv.Itoa(int(p.Partition))
		gauge(c.owned, oneIf(p.Owned), p.Topic, partition)
		gauge(c.readable, oneIf(p.Err == nil), p.Topic, partition)
		gauge(c.ended, oneIf(p.Ended), p.Topic, partition)
		gauge(c.next, float64(p.Next), p.Topic, partition)
		gauge(c.lag, float64(p.Lag), p.Topic, partition)
	}
	gauge(c.index, float64(c.store.IndexBytes()))
	health := c.store.TopicHealth()
	problems := make(map[string]int)
	for _, p := range health.Problems {
		problems[p.Topic]++
	}
	for _, topic := range health.Topics {
		gauge(c.problems, float64(problems[topic]), topic)
	}
	gauge(c.looked, float64(health.Looked.Unix()))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
