package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

// Topic is a Kafka topic as it must be.
type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	Settings          map[string]string
}

// Topics returns the topics of the configuration: one for each category, and the one for dead letters.
func (c Config) Topics() ([]Topic, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	settings := map[string]string{
		"cleanup.policy":                 "delete",
		"retention.ms":                   "-1",
		"retention.bytes":                "-1",
		"min.insync.replicas":            strconv.Itoa(c.MinInSyncReplicas),
		"unclean.leader.election.enable": "false",
		"compression.type":               "lz4",
		"message.timestamp.type":         "CreateTime",
		timestampAhead:                   strconv.FormatInt(math.MaxInt64, 10),
	}
	all := make([]Topic, 0, len(c.Categories)+1)
	for _, g := range c.Categories {
		all = append(all, Topic{c.topic(g.Type), g.Partitions, c.ReplicationFactor, settings})
	}
	return append(all, Topic{c.TopicPrefix + ".dead-letter", 1, c.ReplicationFactor, settings}), nil
}

// timestampAhead is how far, in milliseconds, the time of a record may be ahead of a broker's clock. Events have their own
// time, and a broker whose clock is behind must not refuse them. Kafka before 3.6 does not know the setting, and has no such bound.
const timestampAhead = "message.timestamp.after.max.ms"

// TopicStatus is what was found of a topic.
type TopicStatus struct {
	Topic

	Exists      bool
	Created     bool         // by this call
	Differences []Difference // from what it must be; never mended by this library
}

// Difference is one property of a topic that is not as it must be.
type Difference struct {
	Property string // "partitions", "replication factor", or the name of a topic setting
	Found    string
	Want     string
}

// String returns the difference for people.
func (d Difference) String() string {
	return fmt.Sprintf("%s is %s, expected %s", d.Property, d.Found, d.Want)
}

// TopicsError says which topics are missing or not as they must be.
type TopicsError struct{ Topics []TopicStatus }

// Error names every topic and every property that is off, and what to do.
func (e *TopicsError) Error() string {
	var lines []string
	for _, t := range e.Topics {
		if !t.Exists {
			lines = append(lines, fmt.Sprintf("topic %s is missing: create the topics before the service starts (kafka.CreateTopics)", t.Name))
			continue
		}
		for _, d := range t.Differences {
			line := fmt.Sprintf("topic %s: %s", t.Name, d)
			if d.Property == "partitions" {
				line += ": events would be looked for in the wrong partition; configure the number that the topic was made with"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// CreateTopics creates those topics of the configuration that do not exist, waits until every broker knows them, and reports
// on all, in the order of [Config.Topics]. It may be repeated. What exists is never changed: see Differences.
func CreateTopics(ctx context.Context, cfg Config) ([]TopicStatus, error) {
	return withAdmin(ctx, cfg, func(c *client, admin sarama.ClusterAdmin, want []Topic) ([]TopicStatus, error) {
		found, err := inspect(admin, want)
		if err != nil {
			return nil, err
		}
		created := make(map[string]bool)
		for _, s := range found {
			if s.Exists {
				continue
			}
			if created[s.Name], err = create(admin, s.Topic); err != nil {
				return nil, fmt.Errorf("create topic %s: %w", s.Name, err)
			}
		}
		if len(created) == 0 {
			return found, nil
		}
		if err := c.awaitTopics(ctx, slices.Collect(maps.Keys(created))); err != nil {
			return nil, err
		}
		found, err = inspect(admin, want)
		for i := range found {
			found[i].Created = created[found[i].Name]
		}
		return found, err
	})
}

// CheckTopics reports on the topics of the configuration, in the order of [Config.Topics], and changes nothing.
func CheckTopics(ctx context.Context, cfg Config) ([]TopicStatus, error) {
	return withAdmin(ctx, cfg, func(_ *client, admin sarama.ClusterAdmin, want []Topic) ([]TopicStatus, error) {
		return inspect(admin, want)
	})
}

// create makes the topic, and reports whether it was this call that did.
func create(admin sarama.ClusterAdmin, t Topic) (bool, error) {
	entries := make(map[string]*string, len(t.Settings))
	for k, v := range t.Settings {
		entries[k] = &v
	}
	detail := &sarama.TopicDetail{NumPartitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, ConfigEntries: entries}
	err := admin.CreateTopic(t.Name, detail, false)
	if errors.Is(err, sarama.ErrInvalidConfig) {
		delete(entries, timestampAhead)
		err = admin.CreateTopic(t.Name, detail, false)
	}
	if errors.Is(err, sarama.ErrTopicAlreadyExists) { // somebody was faster
		return false, nil
	}
	return err == nil, err
}

func withAdmin(
	ctx context.Context, cfg Config, do func(*client, sarama.ClusterAdmin, []Topic) ([]TopicStatus, error),
) ([]TopicStatus, error) {
	want, err := cfg.Topics()
	if err != nil {
		return nil, err
	}
	cfg, _ = cfg.complete() // Topics has completed it before
	c, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer c.close()
	defer c.conns.CutWhenDone(ctx)()
	admin, err := sarama.NewClusterAdminFromClient(c)
	if err != nil {
		return nil, fmt.Errorf("ask the cluster's controller: %w", err)
	}
	return do(c, admin, want)
}

// inspect compares the topics with what they must be.
func inspect(admin sarama.ClusterAdmin, want []Topic) ([]TopicStatus, error) {
	names := make([]string, len(want))
	for i, t := range want {
		names[i] = t.Name
	}
	described, err := admin.DescribeTopics(names)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	found := make([]TopicStatus, len(want))
	for i, t := range want {
		found[i].Topic = t
		for _, m := range described {
			if m.Name != t.Name || errors.Is(m.Err, sarama.ErrUnknownTopicOrPartition) {
				continue
			}
			if m.Err != sarama.ErrNoError {
				return nil, fmt.Errorf("describe topic %s: %w", t.Name, m.Err)
			}
			found[i].Exists = true
			if found[i].Differences, err = differences(admin, t, m); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func differences(admin sarama.ClusterAdmin, want Topic, found *sarama.TopicMetadata) ([]Difference, error) {
	var ds []Difference
	compare := func(property, found, want string) {
		if found != want {
			ds = append(ds, Difference{property, found, want})
		}
	}
	compare("partitions", strconv.Itoa(len(found.Partitions)), strconv.Itoa(int(want.Partitions)))
	replicas := 0
	if len(found.Partitions) > 0 {
		replicas = len(found.Partitions[0].Replicas)
	}
	compare("replication factor", strconv.Itoa(replicas), strconv.Itoa(int(want.ReplicationFactor)))
	names := slices.Sorted(maps.Keys(want.Settings))
	results, err := admin.DescribeConfigs([]*sarama.ConfigResource{
		{Type: sarama.TopicResource, Name: want.Name, ConfigNames: names},
	}, sarama.DescribeConfigsOptions{})
	settings := make(map[string]string)
	for _, r := range results {
		err = errors.Join(err, noneIsNil(r.ErrorCode))
		for _, e := range r.Configs {
			settings[e.Name] = e.Value
		}
	}
	if err != nil {
		return nil, fmt.Errorf("describe the settings of topic %s: %w", want.Name, err)
	}
	for _, name := range names {
		if found, known := settings[name]; known || name != timestampAhead {
			compare(name, found, want.Settings[name])
		}
	}
	return ds, nil
}

func noneIsNil(e sarama.KError) error {
	if e == sarama.ErrNoError {
		return nil
	}
	return e
}
