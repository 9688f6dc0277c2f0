package wire

import (
	"hash/crc32"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// ReadFingerprint returns the fingerprint of a batch that was read, with its records.
func ReadFingerprint(b *recordbatch.Batch, records []sarama.Record) index.Fingerprint {
	sum := sumOfProducer(b.ProducerID, b.ProducerEpoch, b.FirstSequence, b.LastOffsetDelta)
	for i := range records {
		sum = addRecord(sum, &records[i])
	}
	return index.Fingerprint{Offset: b.FirstOffset, LeaderEpoch: b.PartitionLeaderEpoch, Sum: sum, Records: true}
}

// HeaderFingerprint returns the fingerprint of a batch that was read, without its records. The
// records of a batch that does not count may be anything, and of any size.
func HeaderFingerprint(b *recordbatch.Batch) index.Fingerprint {
	return index.Fingerprint{Offset: b.FirstOffset, LeaderEpoch: b.PartitionLeaderEpoch, Sum: sumOfHeader(b)}
}

// WrittenFingerprint returns the fingerprint of a batch that was written at the offset.
func WrittenFingerprint(b *sarama.RecordBatch, offset int64) index.Fingerprint {
	sum := sumOfProducer(b.ProducerID, b.ProducerEpoch, b.FirstSequence, b.LastOffsetDelta)
	for _, r := range b.Records {
		sum = addRecord(sum, r)
	}
	return index.Fingerprint{Offset: offset, LeaderEpoch: -1, Sum: sum, Records: true}
}

// Not every field of a header comes from the writer. If a broker compresses a batch anew, it
// computes the first timestamp. If a broker is configured so, it gives the batch its own time. So
// the sum of records has the times of the events, and not those of the header. It has the ids and
// times of events, because a coordinator whose disks were restored gives out a term again.

// addRecord adds the parts of a record to a sum that writer and readers both know.
func addRecord(sum uint32, r *sarama.Record) uint32 {
	sum = crc32.Update(sum, castagnoli, r.Key)
	left := 2
	for _, h := range r.Headers {
		if name := string(h.Key); name != headerEventID && name != headerTimestamp {
			continue
		}
		sum = crc32.Update(sum, castagnoli, h.Value)
		if left--; left == 0 {
			break
		}
	}
	return crc32.Update(sum, castagnoli, r.Value)
}

// sumOfHeader is the sum of the header's fields that all readers know.
func sumOfHeader(b *recordbatch.Batch) uint32 {
	sum := sumOfProducer(b.ProducerID, b.ProducerEpoch, b.FirstSequence, b.LastOffsetDelta)
	sum = mix(mix(sum, uint64(b.FirstTimestamp)), uint64(b.MaxTimestamp))
	kind := uint64(0)
	if b.Control {
		kind |= 1
	}
	if b.IsTransactional {
		kind |= 2
	}
	return mix(sum, kind)
}

// sumOfProducer is the sum of what a batch says of its producer and of its length.
func sumOfProducer(id int64, epoch int16, sequence, lastOffsetDelta int32) uint32 {
	sum := mix(0, uint64(id))
	return mix(mix(sum, uint64(uint16(epoch))<<32|uint64(uint32(sequence))), uint64(uint32(lastOffsetDelta)))
}

// mix adds a number to a sum. It is FNV-1a by words, and spreads the bits as the end of MurmurHash3
// does.
func mix(sum uint32, v uint64) uint32 {
	h := (uint64(sum) ^ v) * 1099511628211
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	return uint32(h ^ h>>33)
}

//nolint:gochecknoglobals // a table, never changed
var castagnoli = crc32.MakeTable(crc32.Castagnoli)
