package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// start runs the program over brokers until the test ends, and returns the page of its metrics.
func start(t *testing.T, brokers []string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said, say := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"-listen", "127.0.0.1:0"}, io.Discard, say, func(string) string {
			return strings.Join(brokers, ",")
		})
		_ = say.Close()
	}()
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	t.Cleanup(func() {
		cancel()
		require.Equal(t, exitOK, <-ended)
	})
	return strings.TrimPrefix(strings.TrimSpace(line), "serving ")
}

// metricsAt returns the status and the metrics of one scrape.
func metricsAt(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestScrapeShowsHowFarAGroupIsBehind(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Fake(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(t.Context(), 2, 3, nil, "orders")
	require.NoError(t, err)
	for i := range 10 {
		record := &kgo.Record{Topic: "orders", Partition: int32(i % 2), Value: fmt.Append(nil, i)}
		require.NoError(t, client.ProduceSync(t.Context(), record).FirstErr())
	}
	var offsets kadm.Offsets
	offsets.AddOffset("orders", 1, 3, -1)
	require.NoError(t, admin.CommitAllOffsets(t.Context(), "shipping", offsets))

	status, metrics := metricsAt(t, start(t, brokers))
	require.Equal(t, http.StatusOK, status, metrics)
	for _, line := range []string{
		`kafka_brokers 3`,
		`kafka_topic_partitions{topic="orders"} 2`,
		`kafka_topic_partition_oldest_offset{partition="0",topic="orders"} 0`,
		`kafka_topic_partition_current_offset{partition="0",topic="orders"} 5`,
		`kafka_topic_partition_in_sync_replica{partition="1",topic="orders"} 3`,
		`kafka_topic_partition_replicas{partition="1",topic="orders"} 3`,
		`kafka_consumergroup_members{consumergroup="shipping"} 0`,
		`kafka_consumergroup_current_offset{consumergroup="shipping",partition="1",topic="orders"} 3`,
		`kafka_consumergroup_lag{consumergroup="shipping",partition="1",topic="orders"} 2`,
		`kafka_lag_exporter_unanswered 0`,
	} {
		require.Contains(t, metrics, "\n"+line+"\n")
	}
	require.Contains(t, metrics, `kafka_consumergroup_lag{consumergroup="shipping",partition="0",topic="orders"} 5`,
		"all of it, as nothing was committed there")
	require.NotContains(t, metrics, `kafka_consumergroup_current_offset{consumergroup="shipping",partition="0"`)
}

func TestWhatAMemberNeverCommittedIsLag(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Fake(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup("shipping"),
		kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(t.Context(), 1, 3, nil, "orders")
	require.NoError(t, err)
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders"},
		&kgo.Record{Topic: "orders"}).FirstErr())
	require.NotEmpty(t, client.PollFetches(t.Context()).Records())

	_, metrics := metricsAt(t, start(t, brokers))
	require.Contains(t, metrics, "\nkafka_consumergroup_members{consumergroup=\"shipping\"} 1\n")
	require.Contains(t, metrics,
		"\nkafka_consumergroup_lag{consumergroup=\"shipping\",partition=\"0\",topic=\"orders\"} 2\n")
	require.NotContains(t, metrics, "kafka_consumergroup_current_offset")
}

func TestScrapeOfAClusterWithoutTopics(t *testing.T) {
	t.Parallel()
	status, metrics := metricsAt(t, start(t, kafkatest.Fake(t)))
	require.Equal(t, http.StatusOK, status, metrics)
	require.Contains(t, metrics, "\nkafka_brokers 3\n")
	require.NotContains(t, metrics, "kafka_topic")
}

func TestScrapeFailsWithoutACluster(t *testing.T) {
	t.Parallel()
	status, body := metricsAt(t, start(t, []string{"127.0.0.1:1"}))
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, body, "brokers and topics")
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		args    []string
		brokers string
		code    int
		says    string
	}{
		{"no brokers", nil, "", exitFailed, "KAFKA_BROKERS is not set"},
		{"no address", []string{"-listen=nonsense"}, "127.0.0.1:1", exitFailed, "choose another address"},
		{"unknown flag", []string{"-x"}, "", exitUsage, "-listen"},
		{"an argument", []string{"x"}, "", exitUsage, "-listen"},
		{"help", []string{"-h"}, "", exitOK, "-listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			require.Equal(t, c.code, run(t.Context(), c.args, &stdout, &stderr, func(string) string {
				return c.brokers
			}))
			said, silent := stderr.String(), stdout.String()
			if c.code == exitOK {
				said, silent = silent, said
			}
			require.Contains(t, said, c.says)
			require.Empty(t, silent)
		})
	}
}
