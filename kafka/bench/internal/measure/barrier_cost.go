package measure

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
)

// transactionState is the topic in which coordinators keep their transactions.
const transactionState = "__transaction_state"

// barrierCost is what one barrier adds to the logs.
type barrierCost struct{ partition, coordinator logSize }

// logSize is how much a topic holds. A leader and its followers hold the same.
type logSize struct{ offsets, bytes float64 }

// String names the size for a note of a table.
func (s logSize) String() string {
	return fmt.Sprintf("%s offsets and %s bytes", Number.format(s.offsets), Number.format(s.bytes))
}

// costOfBarriers returns what a barrier costs: the mean of n answers. Nothing else may use the
// topic or begin a transaction meanwhile.
func (a *asked) costOfBarriers(ctx context.Context, n int) (cost barrierCost, err error) {
	refuse := a.refused(a.streams[0], confirmed)
	partition, coordinator, err := a.logs(ctx)
	if err != nil {
		return cost, err
	}
	barriers := -a.barriers.Load()
	for range n {
		if err := refuse(ctx); err != nil {
			return cost, err
		}
	}
	barriers += a.barriers.Load()
	if barriers < 1 {
		return cost, fmt.Errorf("%d answers took no barrier", n)
	}
	partitionAfter, coordinatorAfter, err := a.logs(ctx)
	return barrierCost{
		partition.per(partitionAfter, barriers), coordinator.per(coordinatorAfter, barriers),
	}, err
}

// logs returns the sizes of the topic and of the coordinators' topic. It first waits until the last
// transaction has ended there, too.
func (a *asked) logs(ctx context.Context) (partition, coordinator logSize, err error) {
	if err := clock.Wait(ctx, restBetween); err != nil {
		return partition, coordinator, err
	}
	partition, err = a.link.logSize(a.topic)
	if err == nil {
		coordinator, err = a.link.logSize(transactionState)
	}
	return partition, coordinator, err
}

// per returns the n-th part of the growth from s to after.
func (s logSize) per(after logSize, n int64) logSize {
	return logSize{(after.offsets - s.offsets) / float64(n), (after.bytes - s.bytes) / float64(n)}
}

// logSize returns how much the partitions of a topic hold together. For each partition it counts
// the replica that holds most.
func (c *cluster) logSize(topic string) (s logSize, err error) {
	ends, err := c.ends(topic)
	if err != nil {
		return s, err
	}
	for _, end := range ends {
		s.offsets += float64(end)
	}
	most := make([]int64, len(ends))
	for _, b := range c.Brokers() {
		if err := b.Open(c.Config()); err != nil && !errors.Is(err, sarama.ErrAlreadyConnected) {
			return s, err
		}
		request := &sarama.DescribeLogDirsRequest{Version: 1}
		wanted := sarama.DescribeLogDirsRequestTopic{Topic: topic}
		for p := range ends {
			wanted.PartitionIDs = append(wanted.PartitionIDs, int32(p))
		}
		request.DescribeTopics = append(request.DescribeTopics, wanted)
		response, err := b.DescribeLogDirs(request)
		if err != nil {
			return s, err
		}
		for _, dir := range response.LogDirs {
			if dir.ErrorCode != sarama.ErrNoError {
				return s, fmt.Errorf("sizes of the logs on %s: %w", b.Addr(), dir.ErrorCode)
			}
			for _, t := range dir.Topics {
				for _, p := range t.Partitions {
					most[p.PartitionID] = max(most[p.PartitionID], p.Size)
				}
			}
		}
	}
	for _, bytes := range most {
		s.bytes += float64(bytes)
	}
	return s, nil
}
