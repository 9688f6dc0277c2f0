package log

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// The offsets of a partition have no holes. A broker gives each batch the offset after the one
// before (kafka.log.UnifiedLog.append), and each record of a batch the next one. It refuses a batch
// whose header counts other records than it has offsets for
// (org.apache.kafka.storage.internals.log.LogValidator.validateBatch). Markers take an offset, too,
// and the data of an aborted transaction stays. Only compaction removes records between others, or
// all records of a batch whose header it keeps. So does damage to the log's files. Deletion, by
// age, size or request, moves the beginning of the log, and nothing else.

// Continues fails with a *[CorruptError] unless the batch begins at the offset.
func Continues(b *recordbatch.Batch, next int64, topic string, partition int32) error {
	switch {
	case b.FirstOffset > next:
		return Missing(topic, partition, next, b.FirstOffset-1)
	case b.FirstOffset < next:
		return &CorruptError{
			Topic: topic, Partition: partition, Offset: b.FirstOffset, Cause: ErrLogRewritten,
			Found: fmt.Sprintf("a batch is here that ends at offset %d, and another one ended at offset %d when "+
				"this process read it: the log was written anew; restore the brokers as they were, "+
				"or restart this process without its index folder if the loss is accepted", b.LastOffset(), next-1),
		}
	}
	return nil
}

// Counted fails with a *[CorruptError] unless the batch's header says that it has a record for each
// of its offsets.
func Counted(b *recordbatch.Batch, topic string, partition int32) error {
	offsets := int64(b.LastOffsetDelta) + 1
	if int64(b.Count) == offsets {
		return nil
	}
	return &CorruptError{
		Topic: topic, Partition: partition, Offset: b.FirstOffset, Cause: ErrRecordsMissing,
		Found: fmt.Sprintf("of the %d records from offset %d to %d %d are missing: %s",
			offsets, b.FirstOffset, b.LastOffset(), offsets-int64(b.Count), whyMissing),
	}
}

// Complete fails with a *[CorruptError] unless the batch has a record for each of its offsets.
func Complete(b *recordbatch.Batch, records []sarama.Record, topic string, partition int32) error {
	for i := range records {
		if at, delta := int64(i), records[i].OffsetDelta; delta != at {
			return Missing(topic, partition, b.FirstOffset+at, b.FirstOffset+max(delta, at+1)-1)
		}
	}
	if n := int64(len(records)); n != int64(b.LastOffsetDelta)+1 {
		return Missing(topic, partition, b.FirstOffset+n, b.LastOffset())
	}
	return nil
}

// Missing is the *[CorruptError] for the records from one offset to another.
func Missing(topic string, partition int32, first, last int64) error {
	return &CorruptError{
		Topic: topic, Partition: partition, Offset: first, Cause: ErrRecordsMissing,
		Found: fmt.Sprintf("the records from offset %d to %d are missing, and those after them are there: %s",
			first, last, whyMissing),
	}
}

const whyMissing = "the topic was compacted, or its files are damaged; restore the topic, " +
	"and keep cleanup.policy=delete"
