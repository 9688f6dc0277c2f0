package topics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/client"
)

// Inspect compares the topics with what they must be, in their order, over the client of a store or
// a diagnosis. It also returns what brokers say of the topics that exist, by name. It is for the
// rooms of this module, as only these can make the client: a program calls [Check].
func Inspect(
	ctx context.Context, c *client.Client, want []Topic,
) ([]Status, map[string]*sarama.TopicMetadata, error) {
	topics, err := describeTopics(ctx, c, want)
	if err != nil {
		return nil, nil, err
	}
	settings, err := describeSettings(ctx, c, want, topics)
	if err != nil {
		return nil, nil, err
	}
	found := make([]Status, len(want))
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

// describeTopics returns those of the topics that exist, by name.
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
				err := access.Explain(t.Err,
					access.Need{Operation: access.Describe, Resource: access.Topic, Name: t.Name})
				return nil, fmt.Errorf("describe topic %s: %w", t.Name, err)
			}
		}
		return found, nil
	})
}

// describeSettings returns the settings that are wanted of those topics that were found, by name.
func describeSettings(
	ctx context.Context, c *client.Client, want []Topic, found map[string]*sarama.TopicMetadata,
) (map[string]map[string]string, error) {
	request := &sarama.DescribeConfigsRequest{Version: 2}
	for _, t := range want {
		if found[t.Name] != nil {
			request.Resources = append(request.Resources, &sarama.ConfigResource{
				Type: sarama.TopicResource, Name: t.Name,
				ConfigNames: append(slices.Sorted(maps.Keys(t.Settings)), maxMessageBytes),
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
				err = access.Explain(err, access.Need{
					Operation: access.DescribeConfigs, Resource: access.Topic,
					Name: t.Name,
				})
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
		compare(PartitionCount, strconv.Itoa(len(found.Partitions)), strconv.Itoa(int(want.Partitions)))
	}
	replicas := 0
	if len(found.Partitions) > 0 {
		replicas = len(found.Partitions[0].Replicas)
	}
	compare(ReplicationFactor, strconv.Itoa(replicas), strconv.Itoa(int(want.ReplicationFactor)))
	for _, name := range slices.Sorted(maps.Keys(want.Settings)) {
		if found, known := settings[name]; known || name != timestampAhead {
			compare(name, found, want.Settings[name])
		}
	}
	// Where a provider does not tell, nothing is wrong.
	if n, err := strconv.Atoi(settings[maxMessageBytes]); err == nil && n < leastMessageBytes {
		ds = append(ds, Difference{
			maxMessageBytes, settings[maxMessageBytes],
			fmt.Sprintf("%d or more", leastMessageBytes),
		})
	}
	return ds
}
