package partition

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/access"
)

// fetchBytes is how much a fetch brings at most.
const fetchBytes = 4 << 20

// How long a fetch waits for the first batch: when one is known to come, and when one may come at any time.
const (
	soon    = 250 * time.Millisecond
	anytime = 2500 * time.Millisecond
)

// fetch asks the broker, which should lead the partition, for batches from the one with offset on. Control
// batches and transactions' data are among them.
func fetch(b *sarama.Broker, topic string, partition int32, offset int64, wait time.Duration) (*sarama.FetchResponseBlock, error) {
	r := &sarama.FetchRequest{
		Version: 11, MaxWaitTime: int32(wait.Milliseconds()), MinBytes: 1, MaxBytes: fetchBytes, Isolation: sarama.ReadUncommitted,
	}
	r.AddBlock(topic, partition, offset, fetchBytes, -1)
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
