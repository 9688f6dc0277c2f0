//go:build cluster && linux

package main

import (
	"context"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// running is a whole stack that a test runs as the program does.
type running struct {
	*stack
	prometheus prometheusAt
	api        service
	said       *kafkatest.Output
	stdin      io.Writer
	client     *kgo.Client
}

// startStack starts everything on free ports. At the end of the test the stack is stopped as by
// Ctrl-C, and must leave nothing.
func startStack(t *testing.T) *running {
	t.Helper()
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("KAFKA_SASL_USERNAME", "of-another-cluster")
	r := &running{said: new(kafkatest.Output)}
	r.stack = newStack(options{service: billingService, progress: io.MultiWriter(r.said, t.Output())})
	stdin, typed := io.Pipe()
	r.stdin = typed
	ctx, interrupt := context.WithCancel(context.Background())
	var stdout kafkatest.Output
	ended := make(chan error, 1)
	go func() { ended <- runStack(ctx, r.stack, stdin, &stdout) }()
	t.Cleanup(func() {
		interrupt()
		require.NoError(t, <-ended)
		require.NoError(t, typed.Close())
		require.Empty(t, descendants(t, os.Getpid()))
		requireEmpty(t, temporary)
	})
	require.Eventually(t, func() bool { return r.says("press Ctrl-C to stop") || len(ended) > 0 }, patience, tick)
	require.Empty(t, ended)
	requireAddresses(t, &stdout)
	r.prometheus, r.api = prometheusAt(r.prometheusURL()), service("http://"+address(r.billingPort))
	var err error
	r.client, err = kgo.NewClient(kgo.SeedBrokers(r.cluster.Brokers()...))
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	return r
}

func (r *running) says(text string) bool { return strings.Contains(r.said.String(), text) }

// await calls do, and waits until the stack says the text once more.
func (r *running) await(t *testing.T, text string, do func()) {
	t.Helper()
	before := strings.Count(r.said.String(), text)
	do()
	require.Eventually(t, func() bool {
		return strings.Count(r.said.String(), text) > before
	}, patience, tick, "%q", text)
}

// types gives a command at the terminal.
func (r *running) types(t *testing.T, command string) {
	t.Helper()
	_, err := io.WriteString(r.stdin, command+"\n")
	require.NoError(t, err)
}

// sends gives a command as another shell does.
func (r *running) sends(t *testing.T, command string) {
	t.Helper()
	path := regexp.MustCompile(`echo status > (\S+)`).FindStringSubmatch(r.said.String())
	require.Len(t, path, 2)
	require.NoError(t, os.WriteFile(path[1], []byte(command+"\n"), 0))
}

// kill kills the one process whose command line contains inCommand. The stack does not ask for
// that.
func kill(t *testing.T, inCommand string) {
	t.Helper()
	killed := 0
	for _, pid := range descendants(t, os.Getpid()) {
		command, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		require.NoError(t, err)
		if strings.Contains(string(command), inCommand) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			killed++
		}
	}
	require.Equal(t, 1, killed, inCommand)
}

// All cases run on one stack, because each start takes half a minute. The stack ends as by Ctrl-C.
func TestStack(t *testing.T) {
	r := startStack(t)
	s := r.stack
	p := r.prometheus
	fragile(t, r.client, "test.on-broker-2", 2)
	fragile(t, r.client, "test.on-brokers-0-and-2", 0, 2)
	letters := showSubscription(t, s)
	appendMany(t, r.api)
	group := newGroup(t, s.cluster.Brokers(), "test-projection")
	require.NoError(t, consume(t.Context(), group, firstEvents/2))
	stop := keepOn(t, r.api, group)
	values := t.Run("every query while all is well", func(t *testing.T) { checkQueries(t, p) })
	t.Run("the containers' health checks", func(t *testing.T) { checkHealthChecks(t, s) })
	t.Run("the containers' settings", checkContainers)
	stop()
	require.True(t, values)
	t.Run("another prefix", func(t *testing.T) { checkPrefix(t, s) })
	t.Run("a part that dies", func(t *testing.T) { checkDeaths(t, r) })

	soon(t, s)
	t.Run("consumers in trouble", func(t *testing.T) {
		abandon(t, kadm.NewClient(r.client), "test-abandoned")
		letters.Add(1)
		p.awaitAlerts(t, "ConsumerLagGrowing", "ConsumerGroupAbandoned", "FencelogDeadLetters")
	})
	t.Run("topics in trouble", func(t *testing.T) { checkTopicAlerts(t, r) })
	t.Run("somebody else owns the partitions", func(t *testing.T) {
		openStore(t, s.cluster.Brokers())
		lost := func() bool { return r.api.open(t.Context(), "late") != nil }
		require.Eventually(t, lost, patience, tick, "the service has lost what it owned")
		p.awaitAlerts(t, "FencelogPartitionWithoutOwner")
	})
	t.Run("a broker dies and is started again", func(t *testing.T) { checkBrokerDown(t, r) })
	t.Run("parts that are stopped", func(t *testing.T) {
		for _, part := range []string{"broker-1", "broker-2", "lag-exporter", "billing"} {
			r.await(t, part+" is stopped", func() { r.types(t, "stop "+part) })
		}
		p.awaitAlerts(t, "KafkaNoActiveController", "TargetDown", "BillingDown")
	})
}

// checkDeaths kills parts. The stack says which one has died and where its log is, and the others
// go on. A command starts a part again, with what it had.
func checkDeaths(t *testing.T, r *running) {
	t.Helper()
	subjects, err := get(t.Context(), r.cluster.RegistryURL()+"/subjects")
	require.NoError(t, err)
	for _, part := range []struct{ name, inCommand string }{
		{"lag-exporter", "lag-exporter"}, {"registry", "quarkus-run.jar"},
	} {
		again := "to start " + part.name + " again, type here: start " + part.name
		r.await(t, again, func() { kill(t, part.inCommand) })
		told, _, _ := strings.Cut(r.said.String(), again)
		found := regexp.MustCompile(part.name + `.*signal: killed.*; its log is (\S+),`).FindStringSubmatch(told)
		require.Len(t, found, 2, told)
		require.FileExists(t, found[1])
	}
	r.await(t, "lag-exporter  ended by itself (signal: killed), its log is ", func() { r.types(t, "status") })
	require.NoError(t, r.api.open(t.Context(), "meanwhile"), "the others go on")

	taken, err := net.Listen("tcp", address(r.lagPort))
	require.NoError(t, err)
	r.await(t, "lag-exporter is not started: ", func() { r.types(t, "start lag-exporter") })
	require.True(t, r.says("address already in use"))
	require.NoError(t, taken.Close())
	r.await(t, "lag-exporter is started", func() { r.types(t, "start lag-exporter") })
	r.await(t, "registry is started", func() { r.sends(t, "start registry") })
	found, err := get(t.Context(), r.cluster.RegistryURL()+"/subjects")
	require.NoError(t, err)
	require.Equal(t, string(subjects), string(found))
}

// checkTopicAlerts changes a setting of a topic, and writes a record to it that is no event.
func checkTopicAlerts(t *testing.T, r *running) {
	t.Helper()
	admin := kadm.NewClient(r.client)
	set := func(value string) {
		retention := []kadm.AlterConfig{{Name: "retention.ms", Value: &value}}
		answers, err := admin.AlterTopicConfigs(t.Context(), retention, accountEvents)
		require.NoError(t, err)
		require.NoError(t, answers[0].Err)
	}
	set("604800000")
	foreign := &kgo.Record{Topic: accountEvents, Value: []byte("no event")}
	require.NoError(t, r.client.ProduceSync(t.Context(), foreign).FirstErr())
	r.prometheus.awaitAlerts(t, "FencelogTopicProblems", "FencelogForeignRecords")
	set("-1")
	r.prometheus.awaitQuiet(t, "FencelogTopicProblems")
}

// checkBrokerDown kills a broker, sees its alerts fire, starts it again, and sees them clear.
func checkBrokerDown(t *testing.T, r *running) {
	t.Helper()
	alerts := []string{"KafkaBrokerDown", "KafkaUnderReplicated", "KafkaWritesRefused", "KafkaOfflinePartitions"}
	r.prometheus.awaitQuiet(t, alerts...)
	r.await(t, "to start broker-2 again, type here: start broker-2", func() { kill(t, "broker-2.properties") })
	r.prometheus.awaitAlerts(t, alerts...)
	down := r.prometheus.firing(t, "KafkaBrokerDown")
	require.Len(t, down, 1)
	require.Equal(t, "2", down[0].labels["broker"])
	require.Empty(t, r.prometheus.firing(t, "KafkaNoActiveController"), "two of three are a majority")
	r.await(t, "broker-2 is started", func() { r.types(t, "start broker 2") })
	r.prometheus.awaitQuiet(t, alerts...)

	// Meanwhile the service has claimed again what another store took from it.
	claims := `sum(increase(fencelog_claim_duration_seconds_count[1h])) > 0`
	require.Eventually(t, func() bool { return len(r.prometheus.ask(t, claims)) > 0 }, patience, tick)
	r.prometheus.awaitQuiet(t, "FencelogPartitionWithoutOwner")
}

// soon makes alerts fire after five seconds instead of minutes. Otherwise the rules are those of
// rules.yml.
func soon(t *testing.T, s *stack) {
	t.Helper()
	path := s.dir + "/prometheus/rules.yml"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	shorter := regexp.MustCompile(`(?m)^(\s+for:) .+$`).ReplaceAll(text, []byte("$1 5s"))
	require.NotEqual(t, text, shorter)
	require.NoError(t, os.WriteFile(path, shorter, 0o644))
	for _, p := range s.programs {
		if p.name == "prometheus" {
			require.NoError(t, p.process().Signal(syscall.SIGHUP)) // it reads its files again
		}
	}
	var rules struct {
		Groups []struct{ Rules []struct{ Duration float64 } }
	}
	require.Eventually(t, func() bool {
		prometheusAt(s.prometheusURL()).get(t, "/api/v1/rules", &rules)
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				if r.Duration > 5 {
					return false
				}
			}
		}
		return true
	}, patience, tick)
}
