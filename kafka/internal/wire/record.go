package wire

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
)

// Names of the record headers. The aggregate id is the record's key.
const (
	headerEventID          = "eventId"
	headerEventType        = "eventType"
	headerEventVersion     = "eventVersion" // schema revision of the event type
	headerAggregateType    = "aggregateType"
	headerAggregateVersion = "aggregateVersion"
	headerCommitFirst      = "commitFirst"  // version of the commit's first event
	headerCommitLength     = "commitLength" // number of the commit's events
	headerTimestamp        = "timestamp"
	headerCorrelationID    = "correlationId"
	headerCausationID      = "causationId"
	headerCommandID        = "commandId"
	headerActorID          = "actorId"
	headerTraceParent      = "traceparent"
	metadataPrefix         = "metadata."
)

// Encode returns the record as Kafka keeps it. A field that is empty has no header.
func Encode(r *eventstore.Record) *sarama.Record {
	h := make([]*sarama.RecordHeader, 0, 12+len(r.Metadata))
	put := func(name, value string) {
		if value != "" {
			h = append(h, &sarama.RecordHeader{Key: []byte(name), Value: []byte(value)})
		}
	}
	put(headerEventID, r.ID)
	put(headerEventType, r.Type)
	put(headerEventVersion, strconv.Itoa(r.Revision))
	put(headerAggregateType, r.AggregateType)
	put(headerAggregateVersion, strconv.FormatInt(r.AggregateVersion, 10))
	put(headerCommitFirst, strconv.FormatInt(r.Commit.First, 10))
	put(headerCommitLength, strconv.Itoa(r.Commit.Length))
	put(headerTimestamp, r.Timestamp.UTC().Format(time.RFC3339Nano))
	put(headerCorrelationID, r.CorrelationID)
	put(headerCausationID, r.CausationID)
	put(headerCommandID, r.CommandID)
	put(headerActorID, r.ActorID)
	put(headerTraceParent, r.TraceParent)
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		h = append(h, &sarama.RecordHeader{Key: []byte(metadataPrefix + k), Value: []byte(r.Metadata[k])})
	}
	return &sarama.Record{Key: []byte(r.AggregateID), Value: r.Value, Headers: h}
}

// Decode returns the event that Encode wrote. Headers of other names are passed over. The position is left to the caller.
func Decode(rec *sarama.Record) (eventstore.Record, error) {
	r := eventstore.Record{Value: rec.Value}
	r.AggregateID = string(rec.Key)
	var p parser
	for _, h := range rec.Headers {
		p.header(&r, string(h.Key), string(h.Value))
	}
	if missing := required &^ p.seen; missing != 0 {
		p.fail("header %s is missing", names()[bits.TrailingZeros32(missing)])
	}
	if len(rec.Key) == 0 {
		p.fail("the key is empty, expected the aggregate id")
	}
	if offset := r.AggregateVersion - r.Commit.First; p.err == nil && (offset < 0 || offset >= int64(r.Commit.Length)) {
		p.fail("version %d is not in its commit, %d events from version %d", r.AggregateVersion, r.Commit.Length, r.Commit.First)
	}
	return r, p.err
}

// names returns the headers of fixed names; a header's place is its bit in parser.seen. The first eight are required.
func names() [13]string {
	return [...]string{
		headerEventID, headerEventType, headerEventVersion, headerAggregateType, headerAggregateVersion,
		headerCommitFirst, headerCommitLength, headerTimestamp,
		headerCorrelationID, headerCausationID, headerCommandID, headerActorID, headerTraceParent,
	}
}

const required = 1<<8 - 1

type parser struct {
	seen uint32
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) header(r *eventstore.Record, name, value string) {
	if !utf8.ValidString(value) {
		p.fail("header %s is not UTF-8: %q", name, value)
	}
	if key, ok := strings.CutPrefix(name, metadataPrefix); ok {
		if r.Metadata == nil {
			r.Metadata = make(map[string]string)
		}
		if _, twice := r.Metadata[key]; twice {
			p.fail("header %s is there twice", name)
		}
		r.Metadata[key] = value
		return
	}
	for i, known := range names() {
		if name != known {
			continue
		}
		if p.seen&(1<<i) != 0 {
			p.fail("header %s is there twice", name)
		}
		p.seen |= 1 << i
		p.set(r, name, value)
		return
	}
}

func (p *parser) set(r *eventstore.Record, name, value string) {
	switch name {
	case headerEventID:
		r.ID = value
	case headerEventType:
		r.Type = value
	case headerEventVersion:
		r.Revision = int(p.number(name, value, 32))
	case headerAggregateType:
		r.AggregateType = value
	case headerAggregateVersion:
		r.AggregateVersion = p.number(name, value, 64)
	case headerCommitFirst:
		r.Commit.First = p.number(name, value, 64)
	case headerCommitLength:
		r.Commit.Length = int(p.number(name, value, 32))
	case headerTimestamp:
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			p.fail("header %s is %q, expected a time as in RFC 3339", name, value)
		}
		r.Timestamp = t.UTC()
	case headerCorrelationID:
		r.CorrelationID = value
	case headerCausationID:
		r.CausationID = value
	case headerCommandID:
		r.CommandID = value
	case headerActorID:
		r.ActorID = value
	case headerTraceParent:
		r.TraceParent = value
	}
}

func (p *parser) number(name, value string, size int) int64 {
	n, err := strconv.ParseInt(value, 10, size)
	if err != nil || n < 1 {
		p.fail("header %s is %q, expected a whole number from 1", name, value)
	}
	return n
}
