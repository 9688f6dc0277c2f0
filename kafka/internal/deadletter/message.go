package deadletter

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// maxNote bounds the bytes of an error's text that a record keeps. A letter must fit into a
// message, as its event did.
const maxNote = 8 << 10

// Names of the headers that follow those of the event.
const (
	headerPrefix    = "deadLetter."
	headerKind      = headerPrefix + "kind"
	headerHandler   = headerPrefix + "handler"
	headerTopic     = headerPrefix + "topic"
	headerPartition = headerPrefix + "partition"
	headerOffset    = headerPrefix + "offset"
	headerKey       = headerPrefix + "partitionKey" // of the event; absent if it is the record's key
	headerOrder     = headerPrefix + "order"        // of the group; absent if it is by stream
	headerAt        = headerPrefix + "at"
	headerAttempts  = headerPrefix + "attempts"
	headerFirst     = headerPrefix + "firstAttempt"
	headerLast      = headerPrefix + "lastAttempt"
	headerNote      = headerPrefix + "note"
	headerSchemaID  = headerPrefix + "schemaId"
	headerTimestamp = headerPrefix + "timestamp" // of the event's record
	headerCount     = headerPrefix + "headers"   // how many headers, from the first on, are the event's
)

// Message returns an entry as it is written to the topic.
func Message(e *letters.Entry, topic string) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: topic, Key: sarama.ByteEncoder(e.Key), Timestamp: e.At}
	if e.Value != nil {
		m.Value = sarama.ByteEncoder(e.Value)
	}
	for _, h := range e.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
	}
	put := func(name, value string) {
		if value != "" {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(name), Value: []byte(value)})
		}
	}
	number := func(name string, n int64) { put(name, strconv.FormatInt(n, 10)) }
	moment := func(name string, t time.Time) {
		if !t.IsZero() {
			put(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	put(headerKind, string(e.Kind))
	put(headerHandler, e.Handler)
	put(headerTopic, e.Topic)
	number(headerPartition, int64(e.Partition))
	number(headerOffset, e.Offset)
	if keys := e.Keys(); keys.Partition != keys.Stream {
		put(headerKey, keys.Partition)
	}
	if e.Order != subscription.ByStream {
		put(headerOrder, e.Order.String())
	}
	moment(headerAt, e.At)
	number(headerAttempts, int64(e.Attempts))
	moment(headerFirst, e.First)
	moment(headerLast, e.Last)
	put(headerNote, cut(e.Note))
	if id := e.SchemaID(); id != 0 {
		number(headerSchemaID, int64(id))
	}
	moment(headerTimestamp, e.Timestamp)
	number(headerCount, int64(len(e.Headers)))
	return m
}

// cut returns the text, or as much of it as a record keeps.
func cut(text string) string {
	if len(text) <= maxNote {
		return text
	}
	n := maxNote
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + " …"
}

// Headers returns a record's headers in the form that an entry has.
func Headers(all []*sarama.RecordHeader) []subscription.Header {
	found := make([]subscription.Header, len(all))
	for i, h := range all {
		found[i] = subscription.Header{Name: string(h.Key), Value: h.Value}
	}
	return found
}

// Decode returns the entry that [Message] wrote. It leaves the position to the caller. It fails if
// the record is no entry.
func Decode(r *sarama.Record) (letters.Entry, error) {
	e := letters.Entry{Key: r.Key, Value: r.Value}
	p := parser{values: make(map[string]string)}
	own := len(r.Headers)
	if own > 0 { // the last one says where the others begin
		last := r.Headers[own-1]
		n, err := strconv.Atoi(string(last.Value))
		if string(last.Key) != headerCount || err != nil || n < 0 || n >= own {
			return e, fmt.Errorf("the last header is %q with %q, expected %s with a number below %d",
				last.Key, last.Value, headerCount, own)
		}
		own, e.Headers = n, Headers(r.Headers[:n])
	}
	for _, h := range r.Headers[own:] {
		p.values[string(h.Key)] = string(h.Value)
	}
	e.Kind = letters.Kind(p.values[headerKind])
	e.Handler, e.Topic = p.values[headerHandler], p.values[headerTopic]
	e.Note, e.PartitionKey, e.Order = p.values[headerNote], p.values[headerKey], p.order(headerOrder)
	e.Partition = int32(p.number(headerPartition, 32))
	e.Offset = p.number(headerOffset, 64)
	e.Attempts = int(p.number(headerAttempts, 32))
	e.At, e.First, e.Last = p.moment(headerAt), p.moment(headerFirst), p.moment(headerLast)
	e.Timestamp = p.moment(headerTimestamp)
	switch {
	case p.err != nil:
		return e, p.err
	case !e.Kind.Known():
		return e, fmt.Errorf("header %s is %q, which this version does not know", headerKind, string(e.Kind))
	case e.Handler == "" || e.Topic == "":
		return e, fmt.Errorf("headers %s and %s are %q and %q, expected names",
			headerHandler, headerTopic, e.Handler, e.Topic)
	}
	return e, nil
}

// parser reads the values of headers and keeps the first mistake.
type parser struct {
	values map[string]string
	err    error
}

func (p *parser) number(name string, bits int) int64 {
	n, err := strconv.ParseInt(p.values[name], 10, bits)
	if p.err == nil && (err != nil || n < 0) {
		p.err = fmt.Errorf("header %s is %q, expected a number from 0", name, p.values[name])
	}
	return n
}

func (p *parser) order(name string) subscription.Order {
	order := subscription.ByStream
	if text, ok := p.values[name]; ok {
		if err := order.UnmarshalText([]byte(text)); p.err == nil && err != nil {
			p.err = fmt.Errorf("header %s: %w", name, err)
		}
	}
	return order
}

func (p *parser) moment(name string) time.Time {
	text, ok := p.values[name]
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("header %s is %q, expected a time as in RFC 3339", name, text)
	}
	return t.UTC()
}
