//go:build cluster

package kafka_test

import (
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// A single append costs as much as a bare acknowledged produce. The two take turns, so that the
// state of the machine is the same for both. The figures are for readers. The test fails only if an
// append takes ten times as long.
func TestAppend_latencyOfOne(t *testing.T) {
	cfg := real(t)
	bare := cfg
	bare.Topics.Prefix += "-bare"
	create(t, bare)
	s := open(t, cfg)
	conf := sarama.NewConfig()
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(cfg.Connection.Brokers, conf)
	require.NoError(t, err)
	defer producer.Close()

	const rounds, warmUp = 1_000, 200
	var appends, produces []time.Duration
	for i := range rounds + warmUp {
		rs := records(1, "")
		begun := time.Now()
		_, err := s.Append(t.Context(), eventstore.To(stream("timed"), eventstore.Expected(i), rs...))
		took := time.Since(begun)
		require.NoError(t, err)

		begun = time.Now()
		_, _, err = producer.SendMessage(&sarama.ProducerMessage{
			Topic: topicOf(bare), Key: sarama.StringEncoder("timed"), Value: sarama.ByteEncoder(rs[0].Value),
		})
		bareTook := time.Since(begun)
		require.NoError(t, err)
		if i >= warmUp {
			appends, produces = append(appends, took), append(produces, bareTook)
		}
	}
	slices.Sort(appends)
	slices.Sort(produces)
	median, bareMedian := appends[rounds/2], produces[rounds/2]
	t.Logf("%d appends of one event, one at a time:", rounds)
	t.Logf("  append               p50 %8s   p99 %8s", median.Round(time.Microsecond),
		appends[rounds*99/100].Round(time.Microsecond))
	t.Logf("  bare acks=all produce p50 %8s   p99 %8s", bareMedian.Round(time.Microsecond),
		produces[rounds*99/100].Round(time.Microsecond))
	t.Logf("  ratio of the medians %.2f", float64(median)/float64(bareMedian))
	require.Less(t, median, 10*bareMedian)
}
