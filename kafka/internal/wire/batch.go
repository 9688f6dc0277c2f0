package wire

import (
	"math"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

// NewBatch returns the records as one batch of the term, compressed with lz4. Its first record has
// the given sequence number. It is idempotent and not transactional. Kafka appends a batch whole or
// not at all.
//
// The same batch may be sent any number of times, as the broker recognises it.
func NewBatch(term index.Term, sequence int32, records []eventstore.Record) *sarama.RecordBatch {
	return new(Encoder).Batch(sarama.CompressionLZ4, term, sequence, records)
}

// newBatch returns the batch without its records.
func newBatch(
	codec sarama.CompressionCodec, term index.Term, sequence int32, records []eventstore.Record,
) *sarama.RecordBatch {
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
		Codec:            codec,
		CompressionLevel: sarama.CompressionLevelDefault,
		LastOffsetDelta:  int32(len(records) - 1),
		FirstTimestamp:   first.Truncate(time.Millisecond),
		MaxTimestamp:     last,
		ProducerID:       term.ProducerID,
		ProducerEpoch:    term.Epoch,
		FirstSequence:    sequence,
	}
}

// NextSequence returns the sequence number after n records from sequence on. It wraps to 0 as the
// Java client's does (DefaultRecordBatch.incrementSequence).
func NextSequence(sequence int32, n int) int32 {
	if next := int64(sequence) + int64(n); next <= math.MaxInt32 {
		return int32(next)
	}
	return int32(int64(sequence) + int64(n) - math.MaxInt32 - 1)
}

const abort, commit = 0, 1 // org.apache.kafka.common.record.ControlRecordType

// Marker reports whether the records of a control batch are a marker. A marker ends a transaction,
// and every claim leaves one. aborts says that the marker aborts the transaction, which no claim
// does.
func Marker(records []sarama.Record) (marks, aborts bool) {
	if len(records) != 1 || len(records[0].Key) < 4 {
		return false, false
	}
	k := records[0].Key // version int16, type int16
	kind := int16(k[2])<<8 | int16(k[3])
	return kind == abort || kind == commit, kind == abort
}
