package proof

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// stateTopic is where the coordinators of claims keep what they know. The leader of one of its
// partitions coordinates the transactional ids that hash to that partition.
const stateTopic = "__transaction_state"

// moveLeader makes another replica lead the partition, with no broker down.
func (g *guide) moveLeader(ctx context.Context, of place) error {
	return g.move(ctx, of.topic, func([]kmsg.MetadataResponseTopicPartition) int32 { return of.partition })
}

// moveCoordinator makes another broker coordinate the claims of the partition.
func (g *guide) moveCoordinator(ctx context.Context, prefix string, of place) error {
	return g.move(ctx, stateTopic, func(all []kmsg.MetadataResponseTopicPartition) int32 {
		return javaHash(transactionalID(prefix, of)) & 0x7fffffff % int32(len(all))
	})
}

// javaHash is String.hashCode of an ASCII text.
func javaHash(text string) (hash int32) {
	for _, c := range []byte(text) {
		hash = 31*hash + int32(c)
	}
	return hash
}

// move makes the next replica of a partition the preferred one, and then its leader.
func (g *guide) move(ctx context.Context, topic string, which func([]kmsg.MetadataResponseTopicPartition) int32) error {
	ctx, cancel := context.WithTimeout(ctx, guideTimeout)
	defer cancel()
	all, err := g.partitions(ctx, topic)
	if err != nil {
		return err
	}
	partition := which(all)
	i := slices.IndexFunc(all, func(p kmsg.MetadataResponseTopicPartition) bool { return p.Partition == partition })
	if i < 0 || all[i].Leader < 0 || len(all[i].Replicas) < 2 {
		return fmt.Errorf("%s partition %d cannot move", topic, partition)
	}
	replicas := slices.Clone(all[i].Replicas)
	for range replicas {
		replicas = append(replicas[1:], replicas[0])
		if replicas[len(replicas)-1] == all[i].Leader {
			break
		}
	}
	assign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	assign.TimeoutMillis = int32(guideTimeout.Milliseconds())
	assign.Topics = append(assign.Topics, kmsg.AlterPartitionAssignmentsRequestTopic{
		Topic:      topic,
		Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: partition, Replicas: replicas}},
	})
	assigned, err := assign.RequestWith(ctx, g.client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(assigned.ErrorCode); err != nil {
		return err
	}
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.TimeoutMillis = assign.TimeoutMillis
	elect.Topics = append(elect.Topics, kmsg.ElectLeadersRequestTopic{Topic: topic, Partitions: []int32{partition}})
	elected, err := elect.RequestWith(ctx, g.client)
	if err != nil {
		return err
	}
	for _, t := range elected.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return kerr.ErrorForCode(elected.ErrorCode)
}

// doubleMarker makes the partition's leader write a marker again. A coordinator does the same if it
// has not learned that its first request was carried out. doubleMarker reports false if the broker
// refuses the marker, because it knows a newer term of the same producer.
func (g *guide) doubleMarker(ctx context.Context, topic string, m history.Record) (bool, error) {
	leader, err := g.leader(ctx, place{topic, m.Partition})
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, guideTimeout)
	defer cancel()
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch, marker.Committed = m.ProducerID, m.Epoch, m.Committed
	marker.CoordinatorEpoch = m.Coordinator
	marker.Topics = append(marker.Topics,
		kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: topic, Partitions: []int32{m.Partition}})
	request := kmsg.NewPtrWriteTxnMarkersRequest()
	request.Markers = append(request.Markers, marker)
	response, err := g.client.Broker(leader).Request(ctx, request)
	if err != nil {
		return false, err
	}
	for _, m := range response.(*kmsg.WriteTxnMarkersResponse).Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				return p.ErrorCode == 0, nil
			}
		}
	}
	return false, nil
}
