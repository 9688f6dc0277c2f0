package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// Create creates those topics of the configuration that do not exist, and waits until every broker
// knows them. It reports on all topics, in the order of [Config.All]. It may be repeated. It never
// changes a topic that exists: see [Status].Differences. If one topic cannot be created, Create
// still creates the others, and returns the report with the joined errors.
//
// Create fails
//   - with all mistakes of both configurations;
//   - with *[connection.SecurityError] or *[connection.PermissionError] if brokers refuse it for
//     good;
//   - if no broker answers, or ctx ends.
func Create(ctx context.Context, conn connection.Config, cfg Config) ([]Status, error) {
	return withClient(ctx, conn, cfg, func(c *client.Client, want []Topic) ([]Status, error) {
		found, _, err := Inspect(ctx, c, want)
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
				failed = append(failed, fmt.Errorf("create topic %s: %w", s.Name, client.Explain(conn.Security, err)))
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

// Check reports on the topics of the configuration, in the order of [Config.All], and changes
// nothing. It fails as [Create] does; a topic that is missing or not as it must be is no error.
func Check(ctx context.Context, conn connection.Config, cfg Config) ([]Status, error) {
	return withClient(ctx, conn, cfg, func(c *client.Client, want []Topic) ([]Status, error) {
		found, _, err := Inspect(ctx, c, want)
		return found, err
	})
}

func withClient(
	ctx context.Context, conn connection.Config, cfg Config, do func(*client.Client, []Topic) ([]Status, error),
) ([]Status, error) {
	conn, wrongConn := conn.Complete()
	cfg, wrong := cfg.Complete()
	if err := errors.Join(wrongConn, wrong); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	want, err := cfg.All()
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, conn, cfg.Names())
	if err != nil {
		return nil, err
	}
	defer c.Disconnect()
	defer c.Conns.CutWhenDone(ctx)()
	found, err := do(c, want)
	return found, client.Explain(conn.Security, err)
}

// createdTopics waits until every broker knows the topics, and reports on all that are wanted.
func createdTopics(ctx context.Context, c *client.Client, want []Topic, created map[string]bool) ([]Status, error) {
	if err := awaitTopics(ctx, c, slices.Collect(maps.Keys(created))); err != nil {
		return nil, err
	}
	found, _, err := Inspect(ctx, c, want)
	for i := range found {
		found[i].Created = created[found[i].Name]
	}
	return found, err
}

// create makes the topic, and reports whether this call did.
func create(admin sarama.ClusterAdmin, t Topic, without []string) (bool, error) {
	entries := make(map[string]*string, len(t.Settings))
	for k, v := range t.Settings {
		if !slices.Contains(without, k) {
			entries[k] = &v
		}
	}
	detail := &sarama.TopicDetail{
		NumPartitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, ConfigEntries: entries,
	}
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

// awaitTopics waits until every broker knows the topics and who leads their partitions: for a
// moment after a topic is made, only some do.
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
