package log

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// RangeError says that an offset is not in a partition. The leader in office has said so.
type RangeError struct {
	Topic      string
	Partition  int32
	Offset     int64
	Begin, End int64 // of the log
}

// Error says where the log begins and ends.
func (e *RangeError) Error() string {
	return fmt.Sprintf("%s partition %d: offset %d is not in the log, which begins at %d and ends at %d",
		e.Topic, e.Partition, e.Offset, e.Begin, e.End)
}

// Unwrap returns the code that the broker gave.
func (e *RangeError) Unwrap() error { return sarama.ErrOffsetOutOfRange }

// rangeOf asks the leader of an epoch where the log begins and ends, after the leader has said that
// the offset is not in it.
func rangeOf(b *dial.Broker, topic string, partition, epoch int32, offset int64) error {
	begin, end, err := Ends(b, topic, partition, epoch)
	if err == nil && (offset < begin || offset > end) {
		err = &RangeError{Topic: topic, Partition: partition, Offset: offset, Begin: begin, End: end}
	}
	if err == nil {
		err = fmt.Errorf("%w: the leader said so of offset %d, and it is there", sarama.ErrOffsetOutOfRange, offset)
	}
	return err
}
