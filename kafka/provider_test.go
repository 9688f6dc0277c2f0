package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// A provider of managed clusters may refuse to have settings set. Topics are then made without them, and still checked.
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
		Topics:     topics.Config{Categories: []topics.Category{{Name: category, Partitions: 1}}},
		Logger:     quiet(),
	}
	_, err = topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.ErrorContains(t, err, "create topic billing.account.events")

	cfg.Topics.ProviderSettings = []string{"compression.type", "retention.ms"}
	found, err := topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.NoError(t, err)
	require.True(t, found[0].Created)
	require.Equal(t, []topics.Difference{{Property: "retention.ms", Found: "604800000", Want: "-1"}}, found[0].Differences)

	cfg.Topics.ProviderSettings = []string{"segment.ms"}
	_, err = topics.Create(t.Context(), cfg.Connection, cfg.Topics)
	require.ErrorContains(t, err, `ProviderSettings: found "segment.ms", expected some of cleanup.policy`)
}

// A topic that cannot be created keeps no other from being created, and what became of the others is reported.
func TestATopicThatCannotBeCreated(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		name := r.(*kmsg.CreateTopicsRequest).Topics[0].Topic
		if name != "billing.refused.events" {
			return nil, nil, false
		}
		refusal := kmsg.NewCreateTopicsResponseTopic()
		refusal.Topic, refusal.ErrorCode = name, kerr.TopicAuthorizationFailed.Code
		response := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		response.Topics = append(response.Topics, refusal)
		return response, nil, true
	})
	found, err := topics.Create(t.Context(), connection.Config{Brokers: c.ListenAddrs(), Logger: quiet()}, topics.Config{
		Categories: []topics.Category{{Name: "First"}, {Name: "Refused"}, {Name: "Last"}},
	})
	require.ErrorContains(t, err, "create topic billing.refused.events")
	var permission *connection.PermissionError
	require.ErrorAs(t, err, &permission)
	created := make(map[string]bool)
	for _, topic := range found {
		require.Equal(t, topic.Created, topic.Exists, topic.Name)
		created[topic.Name] = topic.Created
	}
	require.Equal(t, map[string]bool{
		"billing.first.events": true, "billing.refused.events": false, "billing.last.events": true, "billing.dead-letter": true,
	}, created)
}
