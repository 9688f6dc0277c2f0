package wire

import (
	"maps"
	"slices"
	"strconv"
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
	text     []byte
	records  []sarama.Record
	list     []*sarama.Record
	keys     []string // of one record's metadata
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
	e.headers, e.pointers, e.text, e.records, e.list = e.headers[:0], e.pointers[:0], e.text[:0], e.records[:0],
		e.list[:0]
}

// room makes room for so many records, with so many entries of metadata.
func (e *Encoder) room(records, metadata int) {
	headers := records*fixedHeaders + metadata
	e.headers, e.pointers = slices.Grow(e.headers, headers), slices.Grow(e.pointers, headers)
	e.text = slices.Grow(e.text, records*textBytes)
	e.records, e.list = slices.Grow(e.records, records)[:records], slices.Grow(e.list, records)[:records]
}

// encode appends the record's headers. If it needs more memory, the headers that it has handed out
// stay valid.
func (e *Encoder) encode(r *eventstore.Record, into *sarama.Record) {
	first := len(e.pointers)
	e.put(nameOfEventID, r.ID)
	e.put(nameOfEventType, r.Type)
	e.number(nameOfEventVersion, int64(r.Revision))
	e.put(nameOfAggregateType, r.Category)
	e.number(nameOfAggregateVersion, r.AggregateVersion)
	e.commit(r)
	begin := len(e.text)
	e.text = r.Timestamp.UTC().AppendFormat(e.text, time.RFC3339Nano)
	e.add(nameOfTimestamp, e.from(begin))
	e.put(nameOfCorrelationID, r.CorrelationID)
	e.put(nameOfCausationID, r.CausationID)
	e.put(nameOfCommandID, r.CommandID)
	e.put(nameOfCommandCausationID, r.CommandCausationID)
	e.put(nameOfCommandDigest, r.CommandDigest)
	e.put(nameOfActorID, r.ActorID)
	e.put(nameOfTraceParent, r.TraceParent)
	if len(r.Metadata) > 0 {
		e.keys = slices.AppendSeq(e.keys[:0], maps.Keys(r.Metadata))
		slices.Sort(e.keys)
		for _, k := range e.keys {
			begin := len(e.text)
			e.text = append(append(e.text, metadataPrefix...), k...)
			e.add(e.from(begin), e.piece(r.Metadata[k]))
		}
		clear(e.keys)
	}
	into.Key, into.Value, into.Headers = e.piece(r.AggregateID), r.Value,
		e.pointers[first:len(e.pointers):len(e.pointers)]
}

// commit appends the headers that say which part of its commit the record is.
func (e *Encoder) commit(r *eventstore.Record) {
	c := r.Commit
	if c.Several {
		e.number(nameOfCommitIndex, int64(c.Index))
		e.number(nameOfCommitSize, int64(c.Size))
		return
	}
	e.number(nameOfCommitFirst, r.AggregateVersion-int64(c.Index)+1)
	e.number(nameOfCommitLength, int64(c.Size))
}

// The names of headers, as every record has them.
//
//nolint:gochecknoglobals // constants, which Go does not have of this type
var (
	nameOfEventID            = []byte(headerEventID)
	nameOfEventType          = []byte(headerEventType)
	nameOfEventVersion       = []byte(headerEventVersion)
	nameOfAggregateType      = []byte(headerAggregateType)
	nameOfAggregateVersion   = []byte(headerAggregateVersion)
	nameOfCommitFirst        = []byte(headerCommitFirst)
	nameOfCommitLength       = []byte(headerCommitLength)
	nameOfCommitIndex        = []byte(headerCommitIndex)
	nameOfCommitSize         = []byte(headerCommitSize)
	nameOfTimestamp          = []byte(headerTimestamp)
	nameOfCorrelationID      = []byte(headerCorrelationID)
	nameOfCausationID        = []byte(headerCausationID)
	nameOfCommandID          = []byte(headerCommandID)
	nameOfCommandCausationID = []byte(headerCommandCausationID)
	nameOfCommandDigest      = []byte(headerCommandDigest)
	nameOfActorID            = []byte(headerActorID)
	nameOfTraceParent        = []byte(headerTraceParent)
)

func (e *Encoder) put(name []byte, value string) {
	if value != "" {
		e.add(name, e.piece(value))
	}
}

func (e *Encoder) number(name []byte, value int64) {
	begin := len(e.text)
	e.text = strconv.AppendInt(e.text, value, 10)
	e.add(name, e.from(begin))
}

func (e *Encoder) add(name, value []byte) {
	e.headers = append(e.headers, sarama.RecordHeader{Key: name, Value: value})
	e.pointers = append(e.pointers, &e.headers[len(e.headers)-1])
}

func (e *Encoder) piece(s string) []byte {
	begin := len(e.text)
	e.text = append(e.text, s...)
	return e.from(begin)
}

// from returns the text from place begin on.
func (e *Encoder) from(begin int) []byte { return e.text[begin:len(e.text):len(e.text)] }
