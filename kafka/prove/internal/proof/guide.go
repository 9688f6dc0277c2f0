package proof

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka"
)

// guide asks the brokers who leads and who coordinates, so that the proof can hurt them on purpose.
type guide struct{ client *kgo.Client }

func newGuide(brokers []string) (*guide, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	return &guide{client: c}, err
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// String returns the place for people.
func (p place) String() string { return fmt.Sprintf("%s/%d", p.topic, p.partition) }

func (g *guide) close() { g.client.Close() }

const guideTimeout = 5 * time.Second

// leader returns the broker that leads the partition.
func (g *guide) leader(ctx context.Context, at place) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, guideTimeout)
	defer cancel()
	all, err := g.partitions(ctx, at.topic)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if p.Partition == at.partition && p.Leader >= 0 {
			return int(p.Leader), nil
		}
	}
	return 0, fmt.Errorf("%s has no leader", at)
}

// partitions returns what the brokers know of a topic's partitions.
func (g *guide) partitions(ctx context.Context, topic string) ([]kmsg.MetadataResponseTopicPartition, error) {
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, t)
	answer, err := request.RequestWith(ctx, g.client)
	if err != nil {
		return nil, err
	}
	var all []kmsg.MetadataResponseTopicPartition
	for _, t := range answer.Topics {
		all = append(all, t.Partitions...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing is known of %s", topic)
	}
	return all, nil
}

// The types of coordinators in a FindCoordinator request.
const (
	ofGroup       = 0
	ofTransaction = 1
)

// coordinator returns the broker that coordinates the claims of the partition.
func (g *guide) coordinator(ctx context.Context, prefix string, of place) (int, error) {
	return g.find(ctx, ofTransaction, transactionalID(prefix, of))
}

func transactionalID(prefix string, of place) string {
	return fmt.Sprintf("%s.%s.%d", prefix, of.topic, of.partition)
}

// groupCoordinator returns the broker that coordinates the group of the processes that share the
// partitions.
func (g *guide) groupCoordinator(ctx context.Context) (int, error) {
	return g.find(ctx, ofGroup, kafka.DefaultTransactionalIDPrefix+".owners")
}

// find returns the broker that coordinates the group or the transactional id.
func (g *guide) find(ctx context.Context, kind int8, key string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, guideTimeout)
	defer cancel()
	request := kmsg.NewPtrFindCoordinatorRequest()
	request.CoordinatorType = kind
	request.CoordinatorKey = key
	request.CoordinatorKeys = []string{key}
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
	return 0, fmt.Errorf("%s has no coordinator", key)
}
