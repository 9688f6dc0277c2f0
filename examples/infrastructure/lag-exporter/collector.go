package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
)

// scrapeTimeout bounds the questions of one scrape. It is below the 5 s for which Prometheus waits.
// So Prometheus is told why a scrape failed.
const scrapeTimeout = 4 * time.Second

// collector asks the cluster anew for each scrape. It may be used concurrently.
type collector struct{ admin *kadm.Client }

var _ prometheus.Collector = (*collector)(nil)

// Describe sends nothing: only the cluster knows which series there are.
func (*collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends what the cluster says now. If the cluster does not answer, it sends the error,
// which fails the scrape.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s := &scrape{metrics: metrics}
	err := c.topics(ctx, s)
	if err == nil {
		err = c.groups(ctx, s)
	}
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(prometheus.NewDesc("kafka_lag_exporter_error", "why the scrape failed",
			nil, nil), err)
		return
	}
	s.gauge("kafka_lag_exporter_unanswered", "questions that a part of the cluster left unanswered in this scrape",
		float64(s.unanswered))
}

// topics sends what is known of brokers and topics.
func (c *collector) topics(ctx context.Context, s *scrape) error {
	found, err := c.admin.Metadata(ctx)
	if err != nil {
		return fmt.Errorf("brokers and topics: %w", err)
	}
	s.gauge("kafka_brokers", "brokers that are alive", float64(len(found.Brokers)))
	found.Topics.FilterInternal()
	names := found.Topics.Names()
	if len(names) == 0 {
		return nil
	}
	for _, topic := range found.Topics {
		s.gauge("kafka_topic_partitions", "partitions", float64(len(topic.Partitions)), "topic", topic.Topic)
		for _, p := range topic.Partitions {
			labels := []string{"topic", topic.Topic, "partition", number(p.Partition)}
			s.gauge("kafka_topic_partition_in_sync_replica", "replicas that have everything", float64(len(p.ISR)),
				labels...)
			s.gauge("kafka_topic_partition_replicas", "replicas in all", float64(len(p.Replicas)), labels...)
		}
	}
	starts, err := c.admin.ListStartOffsets(ctx, names...)
	if err := s.forgive(err); err != nil {
		return fmt.Errorf("first offsets: %w", err)
	}
	ends, err := c.admin.ListEndOffsets(ctx, names...)
	if err := s.forgive(err); err != nil {
		return fmt.Errorf("last offsets: %w", err)
	}
	s.offsets("kafka_topic_partition_oldest_offset", "offset of the first record that is kept", starts)
	s.offsets("kafka_topic_partition_current_offset", "offset after the last record", ends)
	return nil
}

// groups sends what is known of consumer groups.
func (c *collector) groups(ctx context.Context, s *scrape) error {
	found, err := c.admin.Lag(ctx)
	if err := s.forgive(err); err != nil {
		return fmt.Errorf("consumer groups: %w", err)
	}
	for _, group := range found {
		if group.Error() != nil {
			s.unanswered++
			continue
		}
		s.gauge("kafka_consumergroup_members", "consumers of the group", float64(len(group.Members)),
			"consumergroup", group.Group)
		for _, p := range group.Lag.Sorted() {
			if p.Err != nil {
				s.unanswered++
				continue
			}
			labels := []string{"consumergroup", group.Group, "topic", p.Topic, "partition", number(p.Partition)}
			if p.Commit.At >= 0 {
				s.gauge("kafka_consumergroup_current_offset", "offset that the group committed", float64(p.Commit.At),
					labels...)
			}
			s.gauge("kafka_consumergroup_lag", "records that the group has yet to commit", float64(p.Lag), labels...)
		}
	}
	return nil
}

// scrape is where the numbers of one scrape go.
type scrape struct {
	metrics    chan<- prometheus.Metric
	unanswered int
}

// forgive counts the questions that some brokers left unanswered, and returns nil. Brokers do that
// while others take over from one that is gone. It returns any other error.
func (s *scrape) forgive(err error) error {
	var some *kadm.ShardErrors
	if errors.As(err, &some) && !some.AllFailed {
		s.unanswered += len(some.Errs)
		return nil
	}
	return err
}

// offsets sends one offset for each partition that has a leader.
func (s *scrape) offsets(name, help string, listed kadm.ListedOffsets) {
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			s.unanswered++
			return
		}
		s.gauge(name, help, float64(o.Offset), "topic", o.Topic, "partition", number(o.Partition))
	})
}

// gauge sends one number; labels are names and values in turn.
func (s *scrape) gauge(name, help string, value float64, labels ...string) {
	var names, values []string
	for pair := range slices.Chunk(labels, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	s.metrics <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.GaugeValue, value,
		values...)
}

func number(partition int32) string { return strconv.Itoa(int(partition)) }
