package damage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/internal/clock"
)

// adminTimeout bounds what is asked of the brokers.
const adminTimeout = 30 * time.Second

// alter sets the topic's settings. An empty value removes a setting.
func (t *trial) alter(ctx context.Context, settings map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, t.topic
	for name, value := range settings {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name = name
		if value == "" {
			c.Op = kmsg.IncrementalAlterConfigOpDelete
		} else {
			c.Value = kmsg.StringPtr(value)
		}
		resource.Configs = append(resource.Configs, c)
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(ctx, t.client)
	if err != nil {
		return err
	}
	for _, r := range answer.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return fmt.Errorf("settings %v: %w", settings, err)
		}
	}
	return nil
}

// deleteRecords deletes the records of each partition before an offset. upTo chooses the offset
// from the partition's end.
func (t *trial) deleteRecords(ctx context.Context, upTo func(end int64) int64) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if err := t.consume(ctx); err != nil {
		return err
	}
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic = t.topic
	for p := range int32(partitions) {
		part := kmsg.NewDeleteRecordsRequestTopicPartition()
		part.Partition, part.Offset = p, upTo(t.log.Next(p))
		of.Partitions = append(of.Partitions, part)
	}
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = int32(adminTimeout.Milliseconds())
	request.Topics = append(request.Topics, of)
	for _, shard := range t.client.RequestSharded(ctx, request) {
		if shard.Err != nil {
			return shard.Err
		}
		for _, answered := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range answered.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("delete records of partition %d: %w", p.Partition, err)
				}
			}
		}
	}
	return nil
}

// createPartitions gives the topic this many partitions, and waits until it has them.
func (t *trial) createPartitions(ctx context.Context, count int32) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	of := kmsg.NewCreatePartitionsRequestTopic()
	of.Topic, of.Count = t.topic, count
	request := kmsg.NewPtrCreatePartitionsRequest()
	request.TimeoutMillis = int32(adminTimeout.Milliseconds())
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(ctx, t.client)
	if err != nil {
		return err
	}
	for _, answered := range answer.Topics {
		if err := kerr.ErrorForCode(answered.ErrorCode); err != nil {
			return err
		}
	}
	for {
		all, err := t.partitions(ctx)
		if err == nil && int32(len(all)) == count && leaderless(all) == nil {
			return nil
		}
		if stopped := clock.Wait(ctx, pollEvery); stopped != nil {
			return fmt.Errorf("%d partitions, expected %d: %w", len(all), count, stopped)
		}
	}
}

// leaderless returns an error if a partition has no leader.
func leaderless(all []kmsg.MetadataResponseTopicPartition) error {
	for _, p := range all {
		if p.Leader < 0 {
			return fmt.Errorf("partition %d has no leader", p.Partition)
		}
	}
	return nil
}

func (t *trial) partitions(ctx context.Context) ([]kmsg.MetadataResponseTopicPartition, error) {
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = kmsg.StringPtr(t.topic)
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(ctx, t.client)
	if err != nil {
		return nil, err
	}
	var all []kmsg.MetadataResponseTopicPartition
	for _, answered := range answer.Topics {
		all = append(all, answered.Partitions...)
	}
	return all, nil
}

// replicas returns the leader of a partition, and the broker that has the only other copy.
func (t *trial) replicas(ctx context.Context, partition int32) (leader, other int, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	all, err := t.partitions(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range all {
		if p.Partition != partition || p.Leader < 0 || len(p.Replicas) != 2 {
			continue
		}
		if p.Replicas[0] == p.Leader {
			return int(p.Leader), int(p.Replicas[1]), nil
		}
		return int(p.Leader), int(p.Replicas[0]), nil
	}
	return 0, 0, fmt.Errorf("partition %d has no leader and one copy: %v", partition, all)
}

// elect asks for an unclean election until the broker leads the partition. Brokers before 3.9
// without ZooKeeper ignore the topic's setting: see KAFKA-12670.
func (t *trial) elect(ctx context.Context, partition int32, broker int) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	of := kmsg.NewElectLeadersRequestTopic()
	of.Topic, of.Partitions = t.topic, []int32{partition}
	request := kmsg.NewPtrElectLeadersRequest()
	request.ElectionType, request.TimeoutMillis = 1, int32(adminTimeout.Milliseconds())
	request.Topics = append(request.Topics, of)
	for {
		_, asked := request.RequestWith(ctx, t.client) // its effect is checked below
		all, err := t.partitions(ctx)
		if err == nil {
			for _, p := range all {
				if p.Partition == partition && int(p.Leader) == broker {
					return nil
				}
			}
		}
		if stopped := clock.Wait(ctx, pollEvery); stopped != nil {
			return fmt.Errorf("broker %d does not lead partition %d: %w", broker, partition,
				errors.Join(stopped, asked, err))
		}
	}
}
