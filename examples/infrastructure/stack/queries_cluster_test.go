//go:build cluster

package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newTopicRequest(name string, replicas []int32) *kmsg.CreateTopicsRequest {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	topic.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Partition: 0, Replicas: replicas}}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = []kmsg.CreateTopicsRequestTopic{topic}
	request.TimeoutMillis = 10_000
	return request
}

// startStack starts everything on free ports; the test takes it down.
func startStack(t *testing.T) *stack {
	t.Helper()
	s := newStack(options{service: billingService, progress: t.Output()})
	t.Cleanup(func() { require.NoError(t, s.stop()) })
	t.Setenv("KAFKA_SASL_USERNAME", "of-another-cluster")
	require.NoError(t, s.start(t.Context()))
	return s
}

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

// Every query of every dashboard and alert is put to a real Prometheus that watches real brokers under traffic. Then
// brokers are killed, and the alerts that this is about have something to say.
func TestQueriesOnTheRealStack(t *testing.T) {
	s := startStack(t)
	p := prometheusAt(s.prometheusURL())
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.Brokers()...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	fragile(t, client, "test.on-broker-2", 2)
	fragile(t, client, "test.on-brokers-0-and-2", 0, 2)

	showSubscription(t, s)

	api := service("http://" + address(s.billingPort))
	appendMany(t, api)
	group := newGroup(t, s.cluster.Brokers(), "test-projection")
	require.NoError(t, consume(t.Context(), group, firstEvents/2))
	stop := keepOn(t, api, group)
	p.await(t, `sum(rate(fencelog_subscription_retries_total[20s])) >= 0`)
	p.await(t, `sum(rate(kafka_consumergroup_current_offset{consumergroup="test-projection"}[20s])) > 0`)
	p.await(t, `sum(rate(kafka_broker_bytesout_total[20s])) > 0`)

	values := t.Run("while all is well", func(t *testing.T) { checkQueries(t, p) })
	t.Run("the containers' health checks", func(t *testing.T) { checkHealthChecks(t, s) })
	abandon(t, kadm.NewClient(client), "test-abandoned")
	stop()
	require.True(t, values)

	t.Run("consumers in trouble", func(t *testing.T) {
		p.await(t, exprOf(t, "ConsumerLagGrowing"))
		p.await(t, exprOf(t, "ConsumerGroupAbandoned"))
	})
	t.Run("somebody else owns the partitions", func(t *testing.T) {
		openStore(t, s.cluster.Brokers())
		require.Eventually(t, func() bool { return api.open(t.Context(), "late") != nil }, time.Minute, tick, "the service has lost what it owned")
		p.await(t, exprOf(t, "FencelogPartitionWithoutOwner"))
	})
	t.Run("a broker is gone", func(t *testing.T) {
		require.NoError(t, s.cluster.Kill(2))
		for _, name := range []string{"KafkaBrokerDown", "KafkaUnderReplicated", "KafkaWritesRefused", "KafkaOfflinePartitions"} {
			p.await(t, exprOf(t, name))
		}
		require.Empty(t, p.ask(t, exprOf(t, "KafkaNoActiveController")), "two of three controllers are a majority")
	})
	t.Run("a second one is gone", func(t *testing.T) {
		require.NoError(t, s.cluster.Kill(1))
		p.await(t, exprOf(t, "KafkaNoActiveController"))
	})
	for _, part := range []struct{ name, alert string }{{"lag-exporter", "TargetDown"}, {"billing", "BillingDown"}} {
		t.Run(part.name+" is gone", func(t *testing.T) {
			i := slices.IndexFunc(s.running, func(p *process) bool { return p.name == part.name })
			require.NoError(t, s.running[i].stop())
			p.await(t, exprOf(t, part.alert))
		})
	}
}

func exprOf(t *testing.T, name string) string {
	t.Helper()
	all := readAlerts(t)
	i := slices.IndexFunc(all, func(a alert) bool { return a.Alert == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i].Expr
}

// checkQueries puts all queries to Prometheus: each yields something, or stands in the table with the reason why not.
func checkQueries(t *testing.T, p prometheusAt) {
	t.Helper()
	reasons := readNoSeries(t)
	require.NotEmpty(t, reasons)
	var all []query
	for _, d := range readDashboards(t) {
		all = append(all, queriesOf(t, p, d)...)
	}
	for _, a := range readAlerts(t) {
		all = append(all, query{"alert / " + a.Alert, a.Expr})
	}
	known := make(map[string]float64)
	for _, q := range all {
		require.NotContains(t, known, q.name, "two queries with one name")
		samples := p.ask(t, q.expr)
		reason, excused := reasons[q.name]
		delete(reasons, q.name)
		require.Empty(t, p.unknownMetrics(t, q.expr), "%s: no series have this name: %s", q.name, q.expr)
		if !excused {
			require.NotEmpty(t, samples, "%s yields nothing, and no-series.csv has no reason for it: %s", q.name, q.expr)
		} else {
			require.Empty(t, samples, "%s yields something, and no-series.csv says that it would not: %s", q.name, reason)
		}
		known[q.name] = 0
		for _, s := range samples {
			known[q.name] += s.value
		}
		t.Logf("%-62s %2d series, sum %s", q.name, len(samples), fmt.Sprintf("%.4g", known[q.name]))
	}
	require.Empty(t, reasons, "no-series.csv names queries that there are not")
	checkValues(t, known)
}

// checkValues compares what is known of the traffic with what the panels say of it.
func checkValues(t *testing.T, known map[string]float64) {
	t.Helper()
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
		"Fencelog / Partitions that cannot be read / A":             0,
		"Fencelog / Outcomes unknown, last hour / A":                0,
		"Fencelog / Records that do not count, last hour / A":       0,
		"Fencelog / Partitions lost, last hour / A":                 0,
		"Broker Health / State / A":                                 9,
		"Broker Health / Broken disks and lost records / A":         0,
		"Broker Health / Broken disks and lost records / B":         0,
	} {
		require.InDelta(t, want, known[name], 0, name)
	}
	for name, least := range map[string]float64{
		"Consumer Lag / Records behind / A": firstEvents / 2,
		"Topic Metrics / Records / A":       firstEvents,
		"Topic Metrics / On disk / A":       firstEvents * 3, // bytes; three replicas
	} {
		require.GreaterOrEqual(t, known[name], least, name)
	}
	for _, name := range []string{
		"Kafka Overview / Records written / A", "Kafka Overview / Traffic / A", "Kafka Overview / Traffic / B", "Kafka Overview / Traffic / C",
		"Kafka Overview / Time of a write / B", "Kafka Overview / Requests / A", "Consumer Lag / Consumed and written / A",
		"Consumer Lag / Consumed and written / B", "Topic Metrics / Records written / A", "Topic Metrics / Traffic / A", "Topic Metrics / Traffic / B",
		"Fencelog / Events stored / A", "Fencelog / Appends by outcome / A", "Fencelog / Time of an append / A", "Fencelog / Commits in a batch / A",
		"Fencelog / Size of the index / A", "Fencelog / Commands by outcome / A", "Fencelog / HTTP requests / A", "Fencelog / Time of a request / A",
		"Broker Health / Partitions led / A", "Broker Health / Idle request handlers / A", "Broker Health / Heap / A", "Broker Health / Processor / A",
	} {
		require.Positive(t, known[name], name)
	}
}

// checkHealthChecks runs the commands of docker-compose.yml on the parts that run here.
func checkHealthChecks(t *testing.T, s *stack) {
	t.Helper()
	var file composeFile
	readYAML(t, filepath.Join(infrastructure, "docker-compose.yml"), &file)
	for service, here := range map[string]string{
		"kafka-1":      strings.TrimSuffix(s.cluster.MetricsURLs()[0], "/metrics"),
		"kafka-2":      strings.TrimSuffix(s.cluster.MetricsURLs()[1], "/metrics"),
		"lag-exporter": "http://" + address(s.lagPort),
		"prometheus":   s.prometheusURL(),
	} {
		test := file.Services[service].HealthCheck.Test
		require.Len(t, test, 2, service)
		check := func(url string) error {
			command := localhost.ReplaceAllString(test[1], url)
			require.NotEqual(t, test[1], command, service)
			return exec.Command("sh", "-c", command).Run()
		}
		require.NoError(t, check(here), "%s: %s", service, test[1])
		require.Error(t, check("http://127.0.0.1:1"), "%s is healthy though nothing answers: %s", service, test[1])
	}
}
