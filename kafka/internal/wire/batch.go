package wire

import (
	"math"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
)

// NewBatch returns the records as one batch of the term, to be written from the given sequence number
// on: idempotent, not transactional. Kafka appends a batch whole or not at all.
//
// The same batch may be sent any number of times; the broker recognises it.
func NewBatch(term Term, sequence int32, records []eventstore.Record) *sarama.RecordBatch {
	return new(Encoder).Batch(term, sequence, records)
}

// newBatch returns the batch without its records.
func newBatch(term Term, sequence int32, records []eventstore.Record) *sarama.RecordBatch {
	first, last := records[0].Timestamp, records[0].Timestamp
	for i := range records {
		if t := records[i].Timestamp; t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	return &sarama.RecordBatch{
		Version:          2,
		Codec:            sarama.CompressionLZ4,
		CompressionLevel: sarama.CompressionLevelDefault,
		LastOffsetDelta:  int32(len(records) - 1),
		FirstTimestamp:   first.Truncate(time.Millisecond),
		MaxTimestamp:     last,
		ProducerID:       term.ProducerID,
		ProducerEpoch:    term.Epoch,
		FirstSequence:    sequence,
	}
}

// NextSequence returns the sequence number after n records from sequence on; it wraps to 0 as the
// Java client's does (DefaultRecordBatch.incrementSequence).
func NextSequence(sequence int32, n int) int32 {
	if next := int64(sequence) + int64(n); next <= math.MaxInt32 {
		return int32(next)
	}
	return int32(int64(sequence) + int64(n) - math.MaxInt32 - 1)
}

// IsMarker reports whether the batch is the control batch that ends a transaction, the trace of a claim.
func IsMarker(b *sarama.RecordBatch) bool {
	kind, ok := controlType(b)
	return ok && (kind == abort || kind == commit)
}

// Aborts reports whether the batch is a marker that ends a transaction by aborting it, which no claim does.
func Aborts(b *sarama.RecordBatch) bool {
	kind, ok := controlType(b)
	return ok && kind == abort
}

const abort, commit = 0, 1 // org.apache.kafka.common.record.ControlRecordType

// controlType returns the type of a control batch.
func controlType(b *sarama.RecordBatch) (int16, bool) {
	if !b.Control || len(b.Records) != 1 || len(b.Records[0].Key) < 4 {
		return 0, false
	}
	k := b.Records[0].Key // version int16, type int16
	return int16(k[2])<<8 | int16(k[3]), true
}
