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
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
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
	settings := c.settings()
	if slices.Contains(c.ProviderSettings, compressionType) {
		delete(settings, compressionType)
	}
	all := make([]Topic, 0, len(c.Categories)+1)
	for _, g := range c.Categories {
		all = append(all, Topic{c.topic(g.Name), g.Partitions, c.ReplicationFactor, settings})
	}
	return append(all, Topic{c.deadLetters(), 1, c.ReplicationFactor, settings}), nil
}

// deadLetters names the topic of what handlers could not handle.
func (c Config) deadLetters() string { return c.TopicPrefix + ".dead-letter" }

// topicNames are those of the categories.
func (c Config) topicNames() []string {
	names := make([]string, len(c.Categories))
	for i, g := range c.Categories {
		names[i] = c.topic(g.Name)
	}
	return names
}

// transactionalID is that of the owner of a partition.
func (c Config) transactionalID(topic string, partition int32) string {
	return fmt.Sprintf("%s.%s.%d", c.TransactionalIDPrefix, topic, partition)
}

// maxNameBytes bounds each name of a configuration; with a category it makes a topic's name, which Kafka bounds by 249 bytes.
const maxNameBytes = 100

const nameRule = "at most 100 letters, digits, dots, underscores and dashes"

// legalName reports whether Kafka takes the name for a topic, or for the beginning of one.
func legalName(name string) bool {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		default:
			return false
		}
	}
	return len(name) <= maxNameBytes
}

// checkNames returns what is wrong with the names; completed.
func (c Config) checkNames() []error {
	var wrong []error
	for _, n := range []struct{ field, name string }{
		{"ClientID", c.Connection.ClientID}, {"TopicPrefix", c.TopicPrefix}, {"TransactionalIDPrefix", c.TransactionalIDPrefix},
	} {
		if !legalName(n.name) {
			wrong = append(wrong, fmt.Errorf("%s: found %q, expected %s", n.field, n.name, nameRule))
		}
	}
	known := slices.Sorted(maps.Keys(c.settings()))
	for _, name := range c.ProviderSettings {
		if !slices.Contains(known, name) {
			wrong = append(wrong, fmt.Errorf("ProviderSettings: found %q, expected some of %s", name, strings.Join(known, ", ")))
		}
	}
	return wrong
}

// settings are those of every topic.
func (c Config) settings() map[string]string {
	return map[string]string{
		"cleanup.policy":                 "delete",
		"retention.ms":                   "-1",
		"retention.bytes":                "-1",
		"min.insync.replicas":            strconv.Itoa(c.MinInSyncReplicas),
		"unclean.leader.election.enable": "false",
		compressionType:                  string(c.Compression),
		"message.timestamp.type":         "CreateTime",
		timestampAhead:                   strconv.FormatInt(math.MaxInt64, 10),
	}
}

// compressionType is the one setting that nothing depends on.
const compressionType = "compression.type"

// timestampAhead is how far, in milliseconds, the time of a record may be ahead of a broker's clock. Events have their own
// time, and a broker whose clock is behind must not refuse them. Kafka before 3.6 does not know the setting, and has no such bound.
const timestampAhead = "message.timestamp.after.max.ms"

// maxMessageBytes is how large a batch may be that a topic takes, after compression. Topics are created with what the brokers have for it; what is
// checked is that it is no less than leastMessageBytes, the brokers' own default: the largest commit needs nearly so many.
const (
	maxMessageBytes   = "max.message.bytes"
	leastMessageBytes = 1_048_588
)

// TopicStatus is what was found of a topic.
type TopicStatus struct {
	Topic

	Exists      bool
	Created     bool         // by this call
	Differences []Difference // from what it must be; never mended by this library
	Extra       int32        // partitions beyond the configured ones, all of which are empty: they stay unused
}

// replicationFactor is the property that is no setting.
const replicationFactor = "replication factor"

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
				line += ": events would be looked for in the wrong partition; configure the number that they were written with " +
					"(a topic may have more partitions, if those are empty)"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// CreateTopics creates those topics of the configuration that do not exist, waits until every broker knows them, and reports
// on all, in the order of [Config.Topics]. It may be repeated. What exists is never changed: see Differences. One that cannot be created
// keeps no other from being created: what became of all is reported beside the joined errors.
func CreateTopics(ctx context.Context, cfg Config) ([]TopicStatus, error) {
	return withClient(ctx, cfg, func(c *client.Client, want []Topic) ([]TopicStatus, error) {
		found, err := inspect(ctx, c, want)
		if err != nil {
			return nil, err
		}
		admin, err := sarama.NewClusterAdminFromClient(c)
		if err != nil {
			return nil, fmt.Errorf("ask the cluster's controller: %w", err)
		}
		created := make(map[string]bool)
		var failed []error
		for _, s := range found {
			if s.Exists {
				continue
			}
			own, err := create(admin, s.Topic, cfg.ProviderSettings)
			if err != nil {
				err = access.Explain(err, access.Need{Operation: access.Create, Resource: access.Topic, Name: s.Name},
					access.Need{Operation: access.Create, Resource: access.Cluster})
				failed = append(failed, fmt.Errorf("create topic %s: %w", s.Name, client.Explain(cfg.Connection.Security, err)))
				continue
			}
			created[s.Name] = own
		}
		if len(created) == 0 {
			return found, errors.Join(failed...)
		}
		found, err = createdTopics(ctx, c, want, created)
		return found, errors.Join(append(failed, err)...)
	})
}

// createdTopics waits until every broker knows the topics, and reports on all that are wanted.
func createdTopics(ctx context.Context, c *client.Client, want []Topic, created map[string]bool) ([]TopicStatus, error) {
	if err := awaitTopics(ctx, c, slices.Collect(maps.Keys(created))); err != nil {
		return nil, err
	}
	found, err := inspect(ctx, c, want)
	for i := range found {
		found[i].Created = created[found[i].Name]
	}
	return found, err
}

// CheckTopics reports on the topics of the configuration, in the order of [Config.Topics], and changes nothing.
func CheckTopics(ctx context.Context, cfg Config) ([]TopicStatus, error) {
	return withClient(ctx, cfg, func(c *client.Client, want []Topic) ([]TopicStatus, error) { return inspect(ctx, c, want) })
}

// create makes the topic, and reports whether it was this call that did.
func create(admin sarama.ClusterAdmin, t Topic, without []string) (bool, error) {
	entries := make(map[string]*string, len(t.Settings))
	for k, v := range t.Settings {
		if !slices.Contains(without, k) {
			entries[k] = &v
		}
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

func withClient(
	ctx context.Context, cfg Config, do func(*client.Client, []Topic) ([]TopicStatus, error),
) ([]TopicStatus, error) {
	want, err := cfg.Topics()
	if err != nil {
		return nil, err
	}
	cfg, _ = cfg.complete() // Topics has completed it before
	c, err := client.Connect(ctx, cfg.Connection, cfg.topicNames())
	if err != nil {
		return nil, err
	}
	defer c.Disconnect()
	defer c.Conns.CutWhenDone(ctx)()
	found, err := do(c, want)
	return found, client.Explain(cfg.Connection.Security, err)
}

// inspect compares the topics with what they must be.
func inspect(ctx context.Context, c *client.Client, want []Topic) ([]TopicStatus, error) {
	found, _, err := inspectAll(ctx, c, want)
	return found, err
}

// inspectAll does so, and returns what brokers say of those that exist, by name.
func inspectAll(ctx context.Context, c *client.Client, want []Topic) ([]TopicStatus, map[string]*sarama.TopicMetadata, error) {
	topics, err := describeTopics(ctx, c, want)
	if err != nil {
		return nil, nil, err
	}
	settings, err := describeSettings(ctx, c, want, topics)
	if err != nil {
		return nil, nil, err
	}
	found := make([]TopicStatus, len(want))
	for i, t := range want {
		found[i].Topic = t
		if m := topics[t.Name]; m != nil {
			found[i].Exists = true
			found[i].Differences = differences(t, m, settings[t.Name])
			if err := extra(ctx, c, &found[i], int32(len(m.Partitions))); err != nil {
				return nil, nil, err
			}
		}
	}
	return found, topics, nil
}

// describeTopics returns, by name, those of the topics that exist.
func describeTopics(ctx context.Context, c *client.Client, want []Topic) (map[string]*sarama.TopicMetadata, error) {
	names := make([]string, len(want))
	for i, t := range want {
		names[i] = t.Name
	}
	request := sarama.NewMetadataRequest(c.Config().Version, names)
	return client.Ask(ctx, c, func(b *sarama.Broker) (map[string]*sarama.TopicMetadata, error) {
		r, err := b.GetMetadata(request)
		if err != nil {
			return nil, fmt.Errorf("describe topics: %w", err)
		}
		found := make(map[string]*sarama.TopicMetadata)
		for _, t := range r.Topics {
			switch t.Err {
			case sarama.ErrUnknownTopicOrPartition:
			case sarama.ErrNoError:
				found[t.Name] = t
			default:
				err := access.Explain(t.Err, access.Need{Operation: access.Describe, Resource: access.Topic, Name: t.Name})
				return nil, fmt.Errorf("describe topic %s: %w", t.Name, err)
			}
		}
		return found, nil
	})
}

// describeSettings returns, by name, the settings that are wanted of those topics that were found.
func describeSettings(
	ctx context.Context, c *client.Client, want []Topic, found map[string]*sarama.TopicMetadata,
) (map[string]map[string]string, error) {
	request := &sarama.DescribeConfigsRequest{Version: 2}
	for _, t := range want {
		if found[t.Name] != nil {
			request.Resources = append(request.Resources, &sarama.ConfigResource{
				Type: sarama.TopicResource, Name: t.Name, ConfigNames: append(slices.Sorted(maps.Keys(t.Settings)), maxMessageBytes),
			})
		}
	}
	if len(request.Resources) == 0 {
		return nil, nil
	}
	return client.Ask(ctx, c, func(b *sarama.Broker) (map[string]map[string]string, error) {
		r, err := b.DescribeConfigs(request)
		if err != nil {
			return nil, fmt.Errorf("describe the settings of topics: %w", err)
		}
		settings := make(map[string]map[string]string)
		for _, t := range r.Resources {
			if err := client.ErrorOf(sarama.KError(t.ErrorCode)); err != nil {
				err = access.Explain(err, access.Need{Operation: access.DescribeConfigs, Resource: access.Topic, Name: t.Name})
				return nil, fmt.Errorf("describe the settings of topic %s: %w", t.Name, err)
			}
			settings[t.Name] = make(map[string]string)
			for _, e := range t.Configs {
				settings[t.Name][e.Name] = e.Value
			}
		}
		return settings, nil
	})
}

func differences(want Topic, found *sarama.TopicMetadata, settings map[string]string) []Difference {
	var ds []Difference
	compare := func(property, found, want string) {
		if found != want {
			ds = append(ds, Difference{property, found, want})
		}
	}
	if len(found.Partitions) < int(want.Partitions) { // of more, see extra
		compare("partitions", strconv.Itoa(len(found.Partitions)), strconv.Itoa(int(want.Partitions)))
	}
	replicas := 0
	if len(found.Partitions) > 0 {
		replicas = len(found.Partitions[0].Replicas)
	}
	compare(replicationFactor, strconv.Itoa(replicas), strconv.Itoa(int(want.ReplicationFactor)))
	for _, name := range slices.Sorted(maps.Keys(want.Settings)) {
		if found, known := settings[name]; known || name != timestampAhead {
			compare(name, found, want.Settings[name])
		}
	}
	if n, err := strconv.Atoi(settings[maxMessageBytes]); err == nil && n < leastMessageBytes { // where a provider does not tell, nothing is wrong
		ds = append(ds, Difference{maxMessageBytes, settings[maxMessageBytes], fmt.Sprintf("%d or more", leastMessageBytes)})
	}
	return ds
}

// awaitTopics waits until every broker knows the topics and who leads their partitions: for a moment after a topic is
// made, only some do.
func awaitTopics(ctx context.Context, c *client.Client, names []string) error {
	const pause = 20 * time.Millisecond
	for _, b := range c.Brokers() {
		for {
			err := knows(c, b, names)
			if err == nil {
				break
			}
			if stopped := clock.Wait(ctx, pause); stopped != nil {
				return fmt.Errorf("wait until broker %s knows new topics: %w: %w", b.Addr(), stopped, err)
			}
		}
	}
	return nil
}

// knows returns nil, or what the broker does not know yet of the topics.
func knows(c *client.Client, b *sarama.Broker, names []string) error {
	if up, _ := b.Connected(); !up {
		_ = b.Open(c.Config()) // a failure shows in the request
	}
	r, err := b.GetMetadata(sarama.NewMetadataRequest(c.Config().Version, names))
	if err != nil {
		return nil //nolint:nilerr // a broker that does not answer learns of the topics before it is back
	}
	for _, t := range r.Topics {
		if t.Err != sarama.ErrNoError {
			return fmt.Errorf("topic %s: %w", t.Name, t.Err)
		}
		for _, p := range t.Partitions {
			if p.Err != sarama.ErrNoError {
				return fmt.Errorf("topic %s partition %d: %w", t.Name, p.ID, p.Err)
			}
		}
	}
	return nil
}
