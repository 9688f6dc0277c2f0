//go:build cluster && unix

package kafkatest_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// impatient makes brokers notice the loss of another sooner than after 9 s.
var impatient = map[string]string{"broker.session.timeout.ms": "3000"}

func TestBrokersComeAndGo(t *testing.T) {
	t.Setenv(kafkatest.EnvVersion, "")
	var told bytes.Buffer
	rules := filepath.Join(t.TempDir(), "rules.yml")
	writeFile(t, rules,
		"rules: [{pattern: 'kafka.server<type=KafkaServer, name=BrokerState><>Value', name: broker_state}]\n")
	c := kafkatest.ForTest(t, kafkatest.Config{Properties: impatient, Progress: &told, MetricsRules: rules})
	requireMetrics(t, c)
	require.Contains(t, told.String(), "3 brokers of Kafka "+kafkatest.DefaultVersion+" in")
	require.Len(t, c.Brokers(), 3)
	require.Empty(t, c.RegistryURL())
	require.Len(t, children(t, os.Getpid()), 3)

	client := newClient(t, c.Brokers())
	createTopic(t, client, "orders")
	roundTrip(t, client, "orders", "with all brokers")
	requireProperty(t, client, "broker.session.timeout.ms", "3000")

	require.NoError(t, c.Kill(1))
	require.NoError(t, c.Kill(1), "killing a dead broker does nothing")
	require.ErrorIs(t, c.Pause(1), kafkatest.ErrNotRunning)
	requireBrokers(t, c.Brokers()[0], 0, 2)
	requireBrokers(t, c.Brokers()[2], 0, 2)
	roundTrip(t, client, "orders", "with two brokers")
	requirePortConflict(t, c, 1)
	require.NoError(t, c.Restart(t.Context(), 1))
	requireBrokers(t, c.Brokers()[1], 0, 1, 2)
	require.ErrorIs(t, c.Restart(t.Context(), 1), kafkatest.ErrRunning)
	requireInSync(t, client, "orders", 3)
	requireMetrics(t, c) // its metrics got the same port again

	require.NoError(t, c.Pause(2))
	requireBrokers(t, c.Brokers()[0], 0, 1)
	require.NoError(t, c.Resume(2))
	requireBrokers(t, c.Brokers()[0], 0, 1, 2)
	require.ErrorContains(t, c.Kill(3), "there is no broker 3")

	require.Empty(t, c.Died(), "what was killed on purpose is not told")
	for _, n := range []int{2, 1} { // each death is told, with a log that exists
		require.NoError(t, syscall.Kill(broker(t, n), syscall.SIGKILL))
		var died *kafkatest.ProcessError
		require.ErrorAs(t, <-c.Died(), &died)
		require.ErrorIs(t, died, kafkatest.ErrProcessDied)
		require.Equal(t, fmt.Sprintf("broker-%d", n), died.Process)
		require.FileExists(t, died.LogPath)
		require.Contains(t, c.Parts()[n].Status(), "ended by itself (signal: killed), its log is "+died.LogPath)
	}
	require.Contains(t, c.Parts()[0].Status(), "runs as process ")
	writeFile(t, filepath.Join(folder(t, told.String()), "data-1", "meta.properties"), "version=0\n")
	require.ErrorIs(t, c.Parts()[1].Start(t.Context()), kafkatest.ErrProcessDied)
	require.Empty(t, c.Died(), "whoever starts it is told")

	require.NoError(t, c.Pause(0), "a paused broker can be stopped")
	require.NoError(t, c.Stop())
	require.NoError(t, <-c.Died(), "closed")
	require.NoError(t, c.Stop())
	require.Empty(t, children(t, os.Getpid()))
	require.NoDirExists(t, folder(t, told.String()))
	require.ErrorIs(t, c.Restart(t.Context(), 1), kafkatest.ErrStopped)
}

// Data survives the death of all brokers, and a stop if the folder is the caller's. Once the disks
// are restored, the records are gone that were written after the save. Nothing else has changed.
func TestDataSurvives(t *testing.T) {
	cfg := kafkatest.Config{Dir: t.TempDir(), Properties: impatient}
	c := kafkatest.ForTest(t, cfg)
	client := newClient(t, c.Brokers())
	createTopic(t, client, "orders")
	partition, offset := produce(t, client, "orders", "saved")
	saved := filepath.Join(t.TempDir(), "disks")
	require.ErrorIs(t, c.SaveDisks(saved), kafkatest.ErrRunning)

	require.NoError(t, c.KillAll())
	require.NoError(t, c.SaveDisks(saved))
	require.NoError(t, c.RestartAll(t.Context()), "all were killed and come back together")
	client = newClient(t, c.Brokers())
	require.Equal(t, "saved", consume(t, client, "orders", partition, offset))
	id := topicID(t, client, "orders")
	produce(t, client, "orders", "lost")
	require.NoError(t, c.KillAll())
	require.Error(t, c.RestoreDisks(t.TempDir()), "nothing was saved there")
	require.NoError(t, c.RestoreDisks(saved))
	require.NoError(t, c.Stop())

	first := c.Brokers()
	c = kafkatest.ForTest(t, cfg)
	require.NotEqual(t, first, c.Brokers())
	client = newClient(t, c.Brokers())
	require.Equal(t, "saved", consume(t, client, "orders", partition, offset))
	require.Equal(t, id, topicID(t, client, "orders"))
	records := int64(0)
	for p := range int32(2) {
		require.Eventually(t, func() bool { // it may have no leader yet
			end, err := client.GetOffset("orders", p, sarama.OffsetNewest)
			if err == nil {
				records += end
			}
			return err == nil
		}, patience, tick)
	}
	require.Equal(t, int64(1), records)
}

func topicID(t *testing.T, client sarama.Client, topic string) string {
	t.Helper()
	b, err := client.Controller()
	require.NoError(t, err)
	r, err := b.GetMetadata(sarama.NewMetadataRequest(client.Config().Version, []string{topic}))
	require.NoError(t, err)
	return r.Topics[0].Uuid.String()
}

// The broker is of another version, which the environment names. CI runs the store's tests on that
// version, too.
func TestOneBrokerNeedsNoOther(t *testing.T) {
	t.Setenv(kafkatest.EnvVersion, "3.5.1")
	var told bytes.Buffer
	c := kafkatest.ForTest(t, kafkatest.Config{Brokers: 1, Progress: &told})
	require.Contains(t, told.String(), "1 brokers of Kafka 3.5.1 in")
	client := newClient(t, c.Brokers())
	admin, err := sarama.NewClusterAdminFromClient(client)
	require.NoError(t, err)
	require.NoError(t,
		admin.CreateTopic("orders", &sarama.TopicDetail{NumPartitions: -1, ReplicationFactor: -1}, false))
	roundTrip(t, client, "orders", "alone")
	partitions, err := client.Partitions("orders")
	require.NoError(t, err)
	require.Len(t, partitions, 10)
}

// broker returns the id of the process of broker n, which this process has started.
func broker(t *testing.T, n int) int {
	t.Helper()
	return brokerOf(t, os.Getpid(), n)
}

// brokerOf returns the id of the process of broker n, which the process with the id parent has
// started.
func brokerOf(t *testing.T, parent, n int) int {
	t.Helper()
	list, err := exec.Command("ps", "-axww", "-o", "pid=,args=").Output()
	require.NoError(t, err)
	folder, config := fmt.Sprintf("/run/%d-", parent), fmt.Sprintf("/broker-%d.properties", n)
	for line := range strings.Lines(string(list)) {
		if strings.Contains(line, folder) && strings.HasSuffix(strings.TrimSpace(line), config) {
			pid, err := strconv.Atoi(strings.Fields(line)[0])
			require.NoError(t, err)
			return pid
		}
	}
	require.Fail(t, "no such broker runs")
	return 0
}

// children returns the command lines of the brokers and registries that the process with this id
// has started.
func children(t *testing.T, parent int) []string {
	t.Helper()
	list, err := exec.Command("ps", "-axww", "-o", "args=").Output()
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(list)) {
		if strings.Contains(line, "java") && strings.Contains(line, fmt.Sprintf("/run/%d-", parent)) {
			found = append(found, line)
		}
	}
	return found
}

// folder returns the data folder that the progress report names.
func folder(t *testing.T, told string) string {
	t.Helper()
	_, rest, ok := strings.Cut(told, " in ")
	require.True(t, ok, told)
	dir, _, _ := strings.Cut(rest, "\n")
	return dir
}

func createTopic(t *testing.T, client sarama.Client, topic string) {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client)
	require.NoError(t, err)
	require.NoError(t, admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 3}, false))
}

func requireProperty(t *testing.T, client sarama.Client, name, want string) {
	t.Helper()
	admin, err := sarama.NewClusterAdminFromClient(client)
	require.NoError(t, err)
	broker := sarama.ConfigResource{Type: sarama.BrokerResource, Name: "0", ConfigNames: []string{name}}
	described, err := admin.DescribeConfigs([]*sarama.ConfigResource{&broker}, sarama.DescribeConfigsOptions{})
	require.NoError(t, err)
	require.Len(t, described, 1)
	require.Len(t, described[0].Configs, 1)
	require.Equal(t, want, described[0].Configs[0].Value)
}

// requireBrokers waits until the broker at addr knows exactly these brokers as alive.
func requireBrokers(t *testing.T, addr string, want ...int32) {
	t.Helper()
	var got []int32
	require.Eventually(t, func() bool {
		b := sarama.NewBroker(addr)
		if b.Open(sarama.NewConfig()) != nil {
			return false
		}
		defer b.Close()
		m, err := b.GetMetadata(&sarama.MetadataRequest{Version: 5})
		if err != nil {
			return false
		}
		got = got[:0]
		for _, b := range m.Brokers {
			got = append(got, b.ID())
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	}, patience, 5*tick, "expected %v", want)
}

// requireInSync waits until every partition has n replicas in sync.
func requireInSync(t *testing.T, client sarama.Client, topic string, n int) {
	t.Helper()
	partitions, err := client.Partitions(topic)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		if client.RefreshMetadata(topic) != nil {
			return false
		}
		for _, p := range partitions {
			if isr, err := client.InSyncReplicas(topic, p); err != nil || len(isr) != n {
				return false
			}
		}
		return true
	}, patience, 5*tick)
}

// requirePortConflict restarts a dead broker while something else listens on its port.
func requirePortConflict(t *testing.T, c *kafkatest.Cluster, n int) {
	t.Helper()
	l, err := net.Listen("tcp", c.Brokers()[n])
	require.NoError(t, err)
	defer l.Close()
	var taken *kafkatest.PortError
	require.ErrorAs(t, c.Restart(t.Context(), n), &taken)
	require.Equal(t, strconv.Itoa(taken.Port), c.Brokers()[n][strings.LastIndex(c.Brokers()[n], ":")+1:])
}

// requireMetrics waits until each broker shows the metrics that the rules choose, and no other.
func requireMetrics(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	require.Len(t, c.MetricsURLs(), 3)
	for _, url := range c.MetricsURLs() {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		var page []byte
		require.Eventually(t, func() bool { // it takes itself for ready a moment later than the others do
			response, err := client.Get(url)
			if err != nil {
				return false
			}
			defer response.Body.Close()
			page, err = io.ReadAll(response.Body)
			return err == nil && strings.Contains(string(page), "\nbroker_state 3.0\n")
		}, patience, tick)
		require.NotContains(t, string(page), "kafka_", "no rule names them")
	}
}
