package watch_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// setTopic sets a setting of the topic.
func setTopic(t testing.TB, cfg kafka.Config, name, value string) {
	t.Helper()
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, storetest.TopicOf(cfg)
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = name, &value
	resource.Configs = append(resource.Configs, setting)
	r.Resources = append(r.Resources, resource)
	answer, err := r.RequestWith(t.Context(), storetest.Foreigner(t, cfg))
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(answer.Resources[0].ErrorCode))
}

// everywhere reports whether every broker has the value for the topic's setting. Each broker learns
// of it by itself.
func everywhere(t testing.TB, cfg kafka.Config, name, value string) bool {
	t.Helper()
	c := storetest.Foreigner(t, cfg)
	brokers, err := kadm.NewClient(c).ListBrokers(t.Context())
	require.NoError(t, err)
	for _, b := range brokers {
		topic := kmsg.NewDescribeConfigsRequestResource()
		topic.ResourceType, topic.ResourceName, topic.ConfigNames = kmsg.ConfigResourceTypeTopic,
			storetest.TopicOf(cfg), []string{name}
		request := kmsg.NewPtrDescribeConfigsRequest()
		request.Resources = append(request.Resources, topic)
		answer, err := c.Broker(int(b.NodeID)).Request(t.Context(), request)
		require.NoError(t, err)
		for _, setting := range answer.(*kmsg.DescribeConfigsResponse).Resources[0].Configs {
			if setting.Name == name && (setting.Value == nil || *setting.Value != value) {
				return false
			}
		}
	}
	return true
}

// deleteRecords deletes the first records of partition 0.
func deleteRecords(t testing.TB, cfg kafka.Config, before int64) {
	t.Helper()
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.TimeoutMillis = 30_000
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic = storetest.TopicOf(cfg)
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = before
	of.Partitions = append(of.Partitions, p)
	r.Topics = append(r.Topics, of)
	answer, err := r.RequestWith(t.Context(), storetest.Foreigner(t, cfg))
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode))
}

// changes is what the hook was told of topics.
type changes struct {
	mu  sync.Mutex
	all []topics.Change
}

func (c *changes) note(change topics.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, change)
}

func (c *changes) told() []topics.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]topics.Change(nil), c.all...)
}

// one waits until the store tells of one problem, and of this one.
func one(t testing.TB, s *kafka.Store, says ...string) topics.Problem {
	t.Helper()
	var h topics.Health
	storetest.Eventually(t, strings.Join(says, " "), func() bool {
		h = s.TopicHealth()
		if len(h.Problems) != 1 {
			return false
		}
		for _, words := range says {
			if !strings.Contains(h.Problems[0].String(), words) {
				return false
			}
		}
		return true
	})
	return h.Problems[0]
}

// A store tells once of each change of a topic while it runs, and again when the topic is well. It
// goes on telling of a topic whose records may be gone.
func TestWatch(t *testing.T) {
	t.Parallel()
	_, cfg := storetest.Fake(t)
	cfg.CheckEvery = 10 * time.Millisecond
	require.Len(t, watched(t, cfg), 4, "each once")
}

// watched returns all that was told. Each look asks one broker, and brokers learn of a change one
// after the other: the store may tell a change more than once.
func watched(t *testing.T, cfg kafka.Config) []topics.Change {
	var c changes
	cfg.Hooks.Topic = c.note
	s := storetest.Open(t, cfg)
	_, err := s.Append(t.Context(),
		eventstore.To(storetest.Stream("a"), eventstore.NoStream, storetest.Records(3, "")...))
	require.NoError(t, err)
	require.Empty(t, s.TopicHealth().Problems)
	require.Contains(t, s.TopicHealth().Topics, storetest.TopicOf(cfg))

	setTopic(t, cfg, "retention.ms", "604800000")
	one(t, s, "retention.ms is 604800000, expected -1", "brokers delete old records")
	setTopic(t, cfg, "retention.ms", "-1")
	storetest.Eventually(t, "it is well again", func() bool { return len(s.TopicHealth().Problems) == 0 })

	setTopic(t, cfg, "cleanup.policy", "compact")
	require.False(t, one(t, s, "cleanup.policy is compact, expected delete").Mended)
	setTopic(t, cfg, "cleanup.policy", "delete")
	require.True(t, one(t, s, "cleanup.policy was compact and is delete again", "records may be gone",
		"empty index folder").Mended)
	seen := s.TopicHealth().Looked
	storetest.Eventually(t, "it looks again and again",
		func() bool { return s.TopicHealth().Looked.Sub(seen) > 3*cfg.CheckEvery })
	one(t, s, "records may be gone")

	told := c.told()
	type change struct {
		property     string
		over, mended bool
	}
	var first []change
	for _, c := range told {
		if is := (change{c.Property, c.Over, c.Mended}); !slices.Contains(first, is) {
			first = append(first, is)
		}
	}
	require.Equal(t, []change{
		{"retention.ms", false, false},
		{"retention.ms", true, false},
		{"cleanup.policy", false, false},
		{"cleanup.policy", false, true},
	}, first, "%v", told)
	_, err = s.Append(t.Context(), eventstore.To(storetest.Stream("a"), 3, storetest.Records(1, "")...))
	require.NoError(t, err)

	storetest.Eventually(t, "every broker knows that it is well", func() bool {
		return everywhere(t, cfg, "cleanup.policy", "delete")
	})
	again := storetest.Open(t, cfg) // opening it looks
	require.Empty(t, again.TopicHealth().Problems)
	deleteRecords(t, cfg, 2)
	one(t, again, "beginning of partition 0 is offset 2, expected offset 0", "restore the topic")
	return told
}

// A topic that is deleted and made anew is another topic, even if its settings are the same.
func TestWatch_ofATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	_, cfg := storetest.Fake(t)
	cfg.CheckEvery = 10 * time.Millisecond
	s := storetest.OpenReader(t, cfg)
	r := kmsg.NewPtrDeleteTopicsRequest()
	name := storetest.Topic
	of := kmsg.NewDeleteTopicsRequestTopic()
	of.Topic = &name
	r.TopicNames, r.Topics, r.TimeoutMillis = []string{name}, append(r.Topics, of), 10_000
	answer, err := r.RequestWith(t.Context(), storetest.Foreigner(t, cfg))
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(answer.Topics[0].ErrorCode))
	one(t, s, "topic is missing, expected there")
	kafkatest.Topics(t, cfg)
	storetest.Eventually(t, "it tells of both", func() bool {
		all := s.TopicHealth().Problems
		return len(all) == 2 && all[0].Property == "topic id" && all[1].Property == "topic" && all[1].Mended
	})
}

// Brokers that do not answer say nothing about topics. The store keeps what it knows, with the
// time, until they answer again.
func TestWatch_whileBrokersDoNotAnswer(t *testing.T) {
	t.Parallel()
	c, cfg := storetest.Fake(t)
	cfg.CheckEvery = 10 * time.Millisecond
	var told changes
	cfg.Hooks.Topic = told.note
	s := storetest.OpenReader(t, cfg)
	var away atomic.Bool
	for _, key := range []kmsg.Key{kmsg.DescribeConfigs, kmsg.ListOffsets} {
		away.Store(true)
		c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if away.Load() {
				return nil, errors.New("going away"), true // and the connection is closed
			}
			return nil, nil, false
		})
		storetest.Eventually(t, "it says that it cannot look", func() bool { return s.TopicHealth().Err != nil })
		seen := s.TopicHealth().Looked
		require.Empty(t, s.TopicHealth().Problems)
		away.Store(false)
		storetest.Eventually(t, "it looks again",
			func() bool { return s.TopicHealth().Err == nil && s.TopicHealth().Looked.After(seen) })
	}
	require.Empty(t, told.told())
}
