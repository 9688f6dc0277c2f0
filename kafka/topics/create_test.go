package topics_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// A provider of managed clusters may refuse to have settings set. Topics are then made without
// them, and still checked.
func TestSettingsThatTheProviderFixes(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		topic := r.(*kmsg.CreateTopicsRequest).Topics[0]
		for _, s := range topic.Configs {
			if s.Name == "compression.type" || s.Name == "retention.ms" {
				refusal := kmsg.NewCreateTopicsResponseTopic()
				refusal.Topic, refusal.ErrorCode = topic.Topic, kerr.PolicyViolation.Code
				response := r.ResponseKind().(*kmsg.CreateTopicsResponse)
				response.Topics = append(response.Topics, refusal)
				return response, nil, true
			}
		}
		return nil, nil, false
	})
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.ListenAddrs()},
		Topics:     topics.Config{Categories: []topics.Category{{Name: storetest.Category, Partitions: 1}}},
		Logger:     storetest.Quiet(),
	}
	_, err = topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.ErrorContains(t, err, "create topic fencelog.account.events")

	cfg.Topics.ProviderSettings = []string{"compression.type", "retention.ms"}
	found, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	require.True(t, found[0].Created)
	require.Equal(t, []topics.Difference{{Property: "retention.ms", Found: "604800000", Want: "-1"}},
		found[0].Differences)

	cfg.Topics.ProviderSettings = []string{"segment.ms"}
	_, err = topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.ErrorContains(t, err, `ProviderSettings: found "segment.ms", expected some of cleanup.policy`)
}

// A topic that cannot be created keeps no other from being created, and what became of the others
// is reported.
func TestATopicThatCannotBeCreated(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		name := r.(*kmsg.CreateTopicsRequest).Topics[0].Topic
		if name != "fencelog.refused.events" {
			return nil, nil, false
		}
		refusal := kmsg.NewCreateTopicsResponseTopic()
		refusal.Topic, refusal.ErrorCode = name, kerr.TopicAuthorizationFailed.Code
		response := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		response.Topics = append(response.Topics, refusal)
		return response, nil, true
	})
	found, err := topics.Create(t.Context(), connection.Config{
		Brokers: c.ListenAddrs(),
		Logger:  storetest.Quiet(),
	}, topics.Config{
		Categories: []topics.Category{{Name: "First"}, {Name: "Refused"}, {Name: "Last"}},
	})
	require.ErrorContains(t, err, "create topic fencelog.refused.events")
	var permission *connection.PermissionError
	require.ErrorAs(t, err, &permission)
	created := make(map[string]bool)
	for _, topic := range found {
		require.Equal(t, topic.Created, topic.Exists, topic.Name)
		created[topic.Name] = topic.Created
	}
	require.Equal(t, map[string]bool{
		"fencelog.first.events": true, "fencelog.refused.events": false, "fencelog.last.events": true,
		"fencelog.dead-letter": true,
	}, created)
}

func TestCreateMayBeRepeatedAndChangesNothing(t *testing.T) {
	c, cfg := storetest.Fake(t)
	cfg.Topics.Categories = append(cfg.Topics.Categories, topics.Category{Name: "Order"},
		topics.Category{Name: "Odd", Partitions: 2})
	require.NoError(t, c.CreateTopic("fencelog.odd.events", 1, nil))
	for round := range 2 {
		found, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
		require.NoError(t, err)
		require.Len(t, found, 4)
		names := []string{found[0].Name, found[1].Name, found[2].Name, found[3].Name}
		require.Equal(t, []string{
			storetest.Topic, "fencelog.order.events", "fencelog.odd.events",
			"fencelog.dead-letter",
		},
			names)
		for i, f := range found {
			require.True(t, f.Exists)
			require.Equal(t, round == 0 && i == 1, f.Created, f.Name)
		}
		require.Empty(t, found[0].Differences)
		require.Empty(t, found[1].Differences)
		require.Contains(t, found[2].Differences, topics.Difference{Property: "partitions", Found: "1", Want: "2"})
	}
}

// A broker that is going away answers nothing: another one is asked.
func TestTopicsAreCheckedWhileABrokerGoesAway(t *testing.T) {
	c, cfg := storetest.Fake(t)
	turnedAway := 0
	for _, key := range []kmsg.Key{kmsg.Metadata, kmsg.DescribeConfigs} {
		c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if c.CurrentNode() == 1 {
				turnedAway++
				return nil, errors.New("going away"), true
			}
			return nil, nil, false
		})
	}
	for range 5 {
		found, err := topics.Check(t.Context(), cfg.Connection, cfg.Topics)
		require.NoError(t, err)
		require.Empty(t, found[0].Differences)
	}
	_, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	storetest.Open(t, cfg)
	require.NotZero(t, turnedAway)
}
