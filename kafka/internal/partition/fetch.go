package partition

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
)

// How much a fetch brings at most, of a broker that brings the first batch however large it is.
const (
	fetchBytes = 4 << 20
	oneBatch   = 1
)

// How long a fetch waits for the first batch: when it is there or not, when one is known to come, and when one may come at any time.
const (
	atOnce  = 0
	soon    = 250 * time.Millisecond
	anytime = 2500 * time.Millisecond
)

// fetch asks the broker, which should lead the partition, for batches from the one with offset on. Control
// batches and transactions' data are among them.
func fetch(b *sarama.Broker, topic string, partition int32, offset int64, maxBytes int32, wait time.Duration) (*sarama.FetchResponseBlock, error) {
	return fetchUnder(b, topic, partition, anyEpoch, offset, maxBytes, wait)
}

// anyEpoch is for a question that every leader may answer, also one that was deposed and has not noticed.
const anyEpoch = -1

// fetchUnder does so of a broker that must lead the partition in the epoch.
func fetchUnder(
	b *sarama.Broker, topic string, partition, epoch int32, offset int64, maxBytes int32, wait time.Duration,
) (*sarama.FetchResponseBlock, error) {
	r := &sarama.FetchRequest{
		Version: 11, MaxWaitTime: int32(wait.Milliseconds()), MinBytes: 1, MaxBytes: maxBytes, Isolation: sarama.ReadUncommitted,
	}
	r.AddBlock(topic, partition, offset, maxBytes, epoch)
	response, err := b.Fetch(r)
	if err != nil {
		return nil, err
	}
	if response.ErrorCode != int16(sarama.ErrNoError) {
		return nil, sarama.KError(response.ErrorCode)
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return nil, fmt.Errorf("fetch from %s: the answer does not name the partition", b.Addr())
	}
	return block, access.Explain(noneIsNil(block.Err), access.Need{Operation: access.Read, Resource: access.Topic, Name: topic})
}

// batchesFrom returns the block's batches from the one with the offset on.
func batchesFrom(block *sarama.FetchResponseBlock, offset int64) (batches []*sarama.RecordBatch) {
	for _, set := range block.RecordsSet {
		if b := set.RecordBatch; b != nil && !b.PartialTrailingRecord && b.LastOffset() >= offset {
			batches = append(batches, b)
		}
	}
	return batches
}

// offsetAt asks the broker, which should lead the partition, for the first offset whose record is not earlier than the time, in milliseconds; below 0 if
// there is none. The time may be sarama.OffsetOldest or OffsetNewest.
func offsetAt(b *sarama.Broker, topic string, partition int32, at int64) (int64, error) {
	r := sarama.NewOffsetRequest(sarama.V2_8_0_0)
	r.AddBlock(topic, partition, at, 1)
	response, err := b.GetAvailableOffsets(r)
	if err != nil {
		return 0, err
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return 0, fmt.Errorf("offsets from %s: the answer does not name the partition", b.Addr())
	}
	return block.Offset, access.Explain(noneIsNil(block.Err), access.Need{Operation: access.Describe, Resource: access.Topic, Name: topic})
}
