package wire

import (
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
)

// The room that most records need. Encoder allocates more if a record needs it.
const (
	fixedHeaders = 15  // of record.go, that one record can have
	headerBits   = 17  // that there are
	textBytes    = 512 // for the values of headers and the names of metadata
)

// Encoder makes batches, one after the other, in the same memory. That saves much, as a record has
// some ten headers, each with a name, a value and a pointer to it. Its zero value is ready. One
// goroutine uses it.
type Encoder struct {
	headers  []sarama.RecordHeader
	pointers []*sarama.RecordHeader
	texts    []byte
	records  []sarama.Record
	list     []*sarama.Record
	each     headers
}

// Batch returns the same as [NewBatch], in any codec. The batch is valid until the next call, or
// until Reset.
func (e *Encoder) Batch(
	codec sarama.CompressionCodec, term index.Term, sequence int32, records []eventstore.Record,
) *sarama.RecordBatch {
	metadata := 0
	for i := range records {
		metadata += len(records[i].Metadata)
	}
	e.Reset()
	e.room(len(records), metadata)
	b := newBatch(codec, term, sequence, records)
	for i := range records {
		r := &e.records[i]
		e.encode(&records[i], r)
		r.OffsetDelta = int64(i)
		r.TimestampDelta = records[i].Timestamp.Truncate(time.Millisecond).Sub(b.FirstTimestamp)
		e.list[i] = r
	}
	b.Records = e.list
	return b
}

// Reset lets go of the batch's records.
func (e *Encoder) Reset() {
	clear(e.headers)
	clear(e.records)
	e.headers, e.pointers, e.texts, e.records, e.list = e.headers[:0], e.pointers[:0], e.texts[:0], e.records[:0],
		e.list[:0]
}

// room makes room for so many records, with so many entries of metadata.
func (e *Encoder) room(records, metadata int) {
	headers := records*fixedHeaders + metadata
	e.headers, e.pointers = slices.Grow(e.headers, headers), slices.Grow(e.pointers, headers)
	e.texts = slices.Grow(e.texts, records*textBytes)
	e.records, e.list = slices.Grow(e.records, records)[:records], slices.Grow(e.list, records)[:records]
}

// encode appends the record's headers. If it needs more memory, the headers that it has handed out
// stay valid.
func (e *Encoder) encode(r *eventstore.Record, into *sarama.Record) {
	first := len(e.pointers)
	e.each.of(r, e)
	into.Key, into.Value, into.Headers = e.piece(r.AggregateID), r.Value,
		e.pointers[first:len(e.pointers):len(e.pointers)]
}

// text is headerSink's.
func (e *Encoder) text(name []byte, value string) { e.add(name, e.piece(value)) }

// bytes is headerSink's.
func (e *Encoder) bytes(name, value []byte) { e.add(name, e.copied(value)) }

// named is headerSink's.
func (e *Encoder) named(name []byte, value string) { e.add(e.copied(name), e.piece(value)) }

func (e *Encoder) add(name, value []byte) {
	e.headers = append(e.headers, sarama.RecordHeader{Key: name, Value: value})
	e.pointers = append(e.pointers, &e.headers[len(e.headers)-1])
}

func (e *Encoder) piece(s string) []byte {
	begin := len(e.texts)
	e.texts = append(e.texts, s...)
	return e.texts[begin:len(e.texts):len(e.texts)]
}

func (e *Encoder) copied(b []byte) []byte {
	begin := len(e.texts)
	e.texts = append(e.texts, b...)
	return e.texts[begin:len(e.texts):len(e.texts)]
}
