package fencelogcli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func envOf(brokers []string) map[string]string {
	return map[string]string{"KAFKA_BROKERS": strings.Join(brokers, ",")}
}

const allCreated = `Topic                Partitions  Status
shop.account.events           2  created
shop.order.events             1  created
shop.dead-letter              1  created
`

func TestTopicsAreCreatedOnce(t *testing.T) {
	t.Parallel()
	env := envOf(kafkatest.Fake(t))
	stdout, stderr := bad(t, shop(), env, "topics", "check")
	require.Equal(t, strings.ReplaceAll(allCreated, "created", "missing"), stdout)
	require.Empty(t, stderr)
	require.Equal(t, allCreated, good(t, shop(), env, "topics", "create"))
	exists := strings.ReplaceAll(allCreated, "created", "exists")
	require.Equal(t, exists, good(t, shop(), env, "topics", "create"))
	require.Equal(t, exists, good(t, shop(), env, "topics", "check"))

	var all []map[string]any
	require.NoError(t, json.Unmarshal([]byte(good(t, shop(), env, "topics", "check", "--json")), &all))
	require.Len(t, all, 3)
	require.Equal(t, map[string]any{"name": "shop.account.events", "partitions": 2.0, "status": "exists"}, all[0])
}

func TestOneCategoryOfTopics(t *testing.T) {
	t.Parallel()
	env := envOf(kafkatest.Fake(t))
	stdout := good(t, shop(), env, "topics", "create", "--category", "Order", "--prefix", "other")
	require.NotContains(t, stdout, "account")
	require.Contains(t, stdout, "other.order.events           1  created")
}

func TestTopicsThatDifferAreShownAndLeftAlone(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Fake(t)
	admin, err := sarama.NewClusterAdmin(brokers, sarama.NewConfig())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	week := "604800000"
	require.NoError(t, admin.CreateTopic("shop.account.events", &sarama.TopicDetail{
		NumPartitions: 1, ReplicationFactor: 3, ConfigEntries: map[string]*string{"retention.ms": &week},
	}, false))

	for range 2 {
		stdout, stderr := bad(t, shop(), envOf(brokers), "topics", "create")
		require.Empty(t, stderr)
		require.Contains(t, stdout, "shop.account.events           2  differs:\n                                 "+
			"partitions is 1, expected 2\n")
		require.Contains(t, stdout, "retention.ms is 604800000, expected -1\n")
		require.Contains(t, stdout, "Nothing that exists was changed")
		require.Contains(t, stdout, "shop.dead-letter              1  ")
	}
	stdout, _ := bad(t, shop(), envOf(brokers), "topics", "check", "--json")
	require.Contains(t, stdout, `"property": "partitions",`)
}

// The tool shows the topics that it created beside the reason why another could not be.
func TestTopicThatCannotBeCreated(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		name := r.(*kmsg.CreateTopicsRequest).Topics[0].Topic
		if name != "shop.order.events" {
			return nil, nil, false
		}
		refusal := kmsg.NewCreateTopicsResponseTopic()
		refusal.Topic, refusal.ErrorCode = name, kerr.PolicyViolation.Code
		response := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		response.Topics = append(response.Topics, refusal)
		return response, nil, true
	})
	stdout, stderr := bad(t, shop(), envOf(c.ListenAddrs()), "topics", "create")
	require.Contains(t, stdout, "shop.order.events             1  missing\nshop.dead-letter              1  created\n")
	require.Contains(t, stderr, "shop topics create: create topic shop.order.events: ")
}

func TestNoBrokers(t *testing.T) {
	t.Parallel()
	_, stderr := bad(t, shop(), nil, "topics", "create")
	require.Contains(t, stderr, "KAFKA_BROKERS is not set")
	_, stderr = bad(t, shop(), nil, "topics", "create", "--brokers", "127.0.0.1:1")
	require.Contains(t, stderr, "no broker of 127.0.0.1:1 answers")
}
