package client

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
)

// IDs are the ids of a cluster and of its topics. Two topics of one name are the same if and only
// if their ids are.
type IDs struct {
	Cluster string
	Topics  map[string]string // by name
}

// IDs asks for the ids of the cluster and of the topics, all of which must exist.
func (c *Client) IDs(ctx context.Context, topics []string) (IDs, error) {
	defer c.Conns.CutWhenDone(ctx)()
	ids := IDs{Topics: make(map[string]string)}
	request := sarama.NewMetadataRequest(c.Config().Version, topics)
	r, err := Ask(ctx, c, func(b *sarama.Broker) (*sarama.MetadataResponse, error) {
		r, err := b.GetMetadata(request)
		if err != nil {
			return nil, fmt.Errorf("ask for the ids of the cluster and its topics: %w", err)
		}
		for _, t := range r.Topics {
			if t.Err != sarama.ErrNoError {
				err := access.Explain(t.Err,
					access.Need{Operation: access.Describe, Resource: access.Topic, Name: t.Name})
				return nil, fmt.Errorf("ask for the id of topic %s: %w", t.Name, err)
			}
		}
		return r, nil
	})
	if err != nil {
		return ids, err
	}
	if r.ClusterID != nil {
		ids.Cluster = *r.ClusterID
	}
	for _, t := range r.Topics {
		ids.Topics[t.Name] = t.Uuid.String()
	}
	return ids, nil
}
