package prove

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
)

// guide asks the brokers who leads and who coordinates, to hurt them on purpose.
type guide struct {
	client *kgo.Client
	topic  string
}

func newGuide(brokers []string, topic string) (*guide, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	return &guide{client: c, topic: topic}, err
}

func (g *guide) close() { g.client.Close() }

const guideTimeout = 5 * time.Second

// leader returns the broker that leads the partition.
func (g *guide) leader(ctx context.Context, partition int32) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, guideTimeout)
	defer cancel()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(g.topic)
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, t)
	answer, err := request.RequestWith(ctx, g.client)
	if err != nil {
		return 0, err
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if p.Partition == partition && p.Leader >= 0 {
				return int(p.Leader), nil
			}
		}
	}
	return 0, fmt.Errorf("partition %d has no leader", partition)
}

// coordinator returns the broker that coordinates the claims of the partition.
func (g *guide) coordinator(ctx context.Context, partition int32) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, guideTimeout)
	defer cancel()
	const transaction = 1
	request := kmsg.NewPtrFindCoordinatorRequest()
	request.CoordinatorType = transaction
	request.CoordinatorKey = fmt.Sprintf("%s.%s.%d", kafka.DefaultTransactionalIDPrefix, g.topic, partition)
	request.CoordinatorKeys = []string{request.CoordinatorKey}
	answer, err := request.RequestWith(ctx, g.client)
	if err != nil {
		return 0, err
	}
	for _, c := range answer.Coordinators {
		if c.ErrorCode == 0 {
			return int(c.NodeID), nil
		}
	}
	if len(answer.Coordinators) == 0 && answer.ErrorCode == 0 {
		return int(answer.NodeID), nil
	}
	return 0, fmt.Errorf("partition %d has no coordinator", partition)
}
