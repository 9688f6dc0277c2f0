package wire

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// Writer makes batches as they are sent, one after the other, in the same memory. Its zero value is
// ready. One goroutine uses it.
type Writer struct {
	batch   Batch
	bytes   []byte // the batch
	records []byte // before they are compressed, unless they are not
	one     recordBytes
	each    headers
}

// Batch is a record batch as it is sent.
type Batch struct {
	Bytes   []byte // with its header
	Records int
	sum     uint32 // of the fingerprint
}

// Batch returns the records as one batch of the term. Its first record has the given sequence
// number. The batch is idempotent and not transactional. Kafka appends it whole or not at all.
//
// The same batch may be sent any number of times, as the broker recognises it. It is valid until
// the next call. Batch fails if the codec is unknown.
func (w *Writer) Batch(
	codec sarama.CompressionCodec, term index.Term, sequence int32, records []eventstore.Record,
) (*Batch, error) {
	first, last := records[0].Timestamp, records[0].Timestamp
	for i := range records {
		if t := records[i].Timestamp; t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	first = first.Truncate(time.Millisecond)
	w.records = w.records[:0]
	sum := sumOfProducer(term.ProducerID, term.Epoch, sequence, int32(len(records)-1))
	for i := range records {
		r := &records[i]
		w.one.begin(r.AggregateID)
		w.each.of(r, &w.one)
		sum = crc32.Update(crc32.Update(sum, castagnoli, w.one.summed), castagnoli, r.Value)
		delta := r.Timestamp.Truncate(time.Millisecond).Sub(first).Milliseconds()
		w.records = w.one.append(w.records, r, delta, int64(i))
	}
	header := recordbatch.Header{
		Codec: codec, LastOffsetDelta: int32(len(records) - 1),
		FirstTimestamp: first.UnixMilli(), MaxTimestamp: last.UnixMilli(),
		ProducerID: term.ProducerID, ProducerEpoch: term.Epoch, FirstSequence: sequence, Count: int32(len(records)),
	}
	var err error
	if w.bytes, err = recordbatch.Append(w.bytes[:0], header, w.records); err != nil {
		return nil, err
	}
	w.batch = Batch{Bytes: w.bytes, Records: len(records), sum: sum}
	w.shrink()
	return &w.batch, nil
}

// keptBytes bounds the batches whose memory is kept for the next one.
const keptBytes = 1 << 20

func (w *Writer) shrink() {
	if cap(w.records) > keptBytes {
		w.records = nil
	}
	if cap(w.bytes) > keptBytes {
		w.bytes = nil // the batch has it
	}
}

// Resequence gives the batch another sequence number, for the proof: it breaks the rule that the
// same batch is sent again.
func (b *Batch) Resequence(sequence int32) { recordbatch.Resequence(b.Bytes, sequence) }

// Fingerprint returns the fingerprint of the batch once it is written at the offset.
func (b *Batch) Fingerprint(offset int64) index.Fingerprint {
	return index.Fingerprint{Offset: offset, LeaderEpoch: -1, Sum: b.sum, Records: true}
}

// recordBytes encodes one record: org.apache.kafka.common.record.DefaultRecord.
type recordBytes struct {
	headers []byte
	count   int
	summed  []byte // what the fingerprint is of, but for the value: see addRecord
}

func (b *recordBytes) begin(key string) {
	b.headers, b.count, b.summed = b.headers[:0], 0, append(b.summed[:0], key...)
}

// text is headerSink's.
func (b *recordBytes) text(name []byte, value string) {
	b.name(name)
	b.headers = binary.AppendVarint(b.headers, int64(len(value)))
	b.headers = append(b.headers, value...)
	if &name[0] == &nameOfEventID[0] {
		b.summed = append(b.summed, value...)
	}
}

// bytes is headerSink's.
func (b *recordBytes) bytes(name, value []byte) {
	b.name(name)
	b.headers = append(binary.AppendVarint(b.headers, int64(len(value))), value...)
	if &name[0] == &nameOfTimestamp[0] {
		b.summed = append(b.summed, value...)
	}
}

// named is headerSink's.
func (b *recordBytes) named(name []byte, value string) {
	b.name(name)
	b.headers = append(binary.AppendVarint(b.headers, int64(len(value))), value...)
}

func (b *recordBytes) name(name []byte) {
	b.count++
	b.headers = append(binary.AppendVarint(b.headers, int64(len(name))), name...)
}

// append appends the record, whose headers it has.
func (b *recordBytes) append(to []byte, r *eventstore.Record, timestampDelta, offsetDelta int64) []byte {
	const attributes = 0
	length := 1 + varintLength(timestampDelta) + varintLength(offsetDelta) +
		varintLength(int64(len(r.AggregateID))) + len(r.AggregateID) +
		varintLength(int64(len(r.Value))) + len(r.Value) + varintLength(int64(b.count)) + len(b.headers)
	to = slices.Grow(to, length+binary.MaxVarintLen32)
	to = append(binary.AppendVarint(to, int64(length)), attributes)
	to = binary.AppendVarint(binary.AppendVarint(to, timestampDelta), offsetDelta)
	to = append(binary.AppendVarint(to, int64(len(r.AggregateID))), r.AggregateID...)
	to = append(binary.AppendVarint(to, int64(len(r.Value))), r.Value...)
	return append(binary.AppendVarint(to, int64(b.count)), b.headers...)
}

// varintLength returns the length of a varint.
func varintLength(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
