package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func getenvOf(brokers []string) func(string) string {
	variables := map[string]string{"KAFKA_BROKERS": strings.Join(brokers, ",")}
	return func(name string) string { return variables[name] }
}

// program runs the program in the test.
func program(t *testing.T, getenv func(string) string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = run(t.Context(), args, &out, &log, getenv)
	return code, out.String(), log.String()
}

const allCreated = `Topic                       Partitions  Status
billing.account.events              10  created
billing.transaction.events          10  created
billing.saga.events                  5  created
billing.dead-letter                  1  created
`

func TestTopicsAreCreatedOnce(t *testing.T) {
	t.Parallel()
	getenv := getenvOf(kafkatest.Fake(t))
	code, stdout, stderr := program(t, getenv)
	require.Equal(t, allCreated, stdout)
	require.Empty(t, stderr)
	require.Equal(t, exitOK, code)

	code, stdout, stderr = program(t, getenv)
	require.Equal(t, strings.ReplaceAll(allCreated, "created", "exists"), stdout)
	require.Empty(t, stderr)
	require.Equal(t, exitOK, code)
}

func TestWhatDiffersIsShownAndLeftAlone(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Fake(t)
	admin, err := sarama.NewClusterAdmin(brokers, sarama.NewConfig())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	week := "604800000"
	require.NoError(t, admin.CreateTopic("billing.saga.events", &sarama.TopicDetail{
		NumPartitions: 3, ReplicationFactor: 3, ConfigEntries: map[string]*string{"retention.ms": &week},
	}, false))

	for range 2 {
		code, stdout, stderr := program(t, getenvOf(brokers))
		require.Equal(t, exitFailed, code)
		require.Empty(t, stderr)
		require.Contains(t, stdout, "billing.saga.events                  5  differs:\n"+
			"                                        partitions is 3, expected 5\n")
		require.Contains(t, stdout, "retention.ms is 604800000, expected -1\n")
		require.Contains(t, stdout, "Nothing that exists was changed")
		require.Contains(t, stdout, "billing.dead-letter                  1  ")
	}
}

// What could be created is shown beside the reason why another could not.
func TestATopicThatCannotBeCreated(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		name := r.(*kmsg.CreateTopicsRequest).Topics[0].Topic
		if name != "billing.saga.events" {
			return nil, nil, false
		}
		refusal := kmsg.NewCreateTopicsResponseTopic()
		refusal.Topic, refusal.ErrorCode = name, kerr.PolicyViolation.Code
		response := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		response.Topics = append(response.Topics, refusal)
		return response, nil, true
	})
	code, stdout, stderr := program(t, getenvOf(c.ListenAddrs()))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "billing.saga.events                  5  missing\nbilling.dead-letter                  1  created\n")
	require.Contains(t, stderr, "create-topics: create topic billing.saga.events: ")
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	const usage = "Usage of create-topics"
	for _, c := range []struct {
		name   string
		args   []string
		getenv func(string) string
		code   int
		says   string
	}{
		{"no brokers", nil, getenvOf(nil), exitFailed, "KAFKA_BROKERS is not set"},
		{"no brokers there", nil, getenvOf([]string{"127.0.0.1:1"}), exitFailed, "no broker of 127.0.0.1:1 answers"},
		{"unknown flag", []string{"-x"}, getenvOf(nil), exitUsage, usage},
		{"an argument", []string{"x"}, getenvOf(nil), exitUsage, usage},
		{"help", []string{"-h"}, getenvOf(nil), exitOK, usage},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := program(t, c.getenv, c.args...)
			require.Equal(t, c.code, code)
			said, silent := stderr, stdout
			if c.code == exitOK {
				said, silent = stdout, stderr
			}
			require.Contains(t, said, c.says)
			require.Empty(t, silent)
		})
	}
}

// The script is the program, with the usual brokers where none are named.
func TestScript(t *testing.T) {
	t.Parallel()
	script := func(brokers []string) (string, error) {
		cmd := exec.Command("../create-topics.sh")
		cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+strings.Join(brokers, ","))
		output, err := cmd.Output()
		return string(output), err
	}
	brokers := kafkatest.Fake(t)
	output, err := script(brokers)
	require.NoError(t, err)
	require.Equal(t, allCreated, output)

	output, err = script(brokers)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(allCreated, "created", "exists"), output)
}
