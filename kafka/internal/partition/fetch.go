package partition

import (
	"fmt"

	"github.com/IBM/sarama"
)

// A fetch brings at most this many bytes, and waits at most this long for the first.
const (
	fetchBytes  = 4 << 20
	fetchWaitMs = 250
)

// fetch asks the broker, which should lead the partition, for batches from the one with offset on. Control
// batches and transactions' data are among them.
func fetch(b *sarama.Broker, topic string, partition int32, offset int64) (*sarama.FetchResponseBlock, error) {
	r := &sarama.FetchRequest{
		Version: 11, MaxWaitTime: fetchWaitMs, MinBytes: 1, MaxBytes: fetchBytes, Isolation: sarama.ReadUncommitted,
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
	return block, noneIsNil(block.Err)
}
