package partition

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// RangeError says that an offset is not in a partition, as the leader in office has it.
type RangeError struct {
	Topic      string
	Partition  int32
	Offset     int64
	Begin, End int64 // of the log
}

// Error says where the log begins and ends.
func (e *RangeError) Error() string {
	return fmt.Sprintf("%s partition %d: offset %d is not in the log, which begins at %d and ends at %d", e.Topic, e.Partition, e.Offset, e.Begin, e.End)
}

// Unwrap returns the code that the broker gave.
func (e *RangeError) Unwrap() error { return sarama.ErrOffsetOutOfRange }

// fetchFrom fetches from the leader of the partition batches from the one with offset on, and makes sure that they follow one
// another. It fails with a *RangeError if the leader says that the offset is not in the log and that this is so in its term of
// office; patiently asks again whether it stays so.
func fetchFrom(client sarama.Client, topic string, partition int32, offset int64, maxBytes int32) ([]*sarama.RecordBatch, error) {
	b, epoch, err := client.LeaderAndEpoch(topic, partition)
	if err != nil {
		return nil, err
	}
	block, err := fetch(b, topic, partition, offset, maxBytes, soon)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		return nil, rangeOf(b, topic, partition, epoch, offset)
	}
	if err != nil {
		return nil, err
	}
	batches := batchesFrom(block, offset)
	for i, batch := range batches {
		next := min(batch.FirstOffset, offset) // the first one may have begun before
		if i > 0 {
			next = batches[i-1].LastOffset() + 1
		}
		if err := continues(batch, next, topic, partition); err != nil {
			return nil, err
		}
	}
	return batches, nil
}

// rangeOf asks the leader of an epoch for the range of offsets that the offset is said not to be in.
func rangeOf(b *sarama.Broker, topic string, partition, epoch int32, offset int64) error {
	begin, end, err := ends(b, topic, partition, epoch)
	if err == nil && (offset < begin || offset > end) {
		err = &RangeError{Topic: topic, Partition: partition, Offset: offset, Begin: begin, End: end}
	}
	if err == nil {
		err = fmt.Errorf("offset %d: the leader said that it is not there, and it is", offset)
	}
	return err
}
