package deadletter

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
)

// Kind says what a record of the topic tells.
type Kind string

// The kinds. The first two carry the event whole; the others tell what became of a letter.
const (
	Dead      Kind = "dead"      // the handler failed, and the event was set aside
	Waiting   Kind = "waiting"   // an earlier event of its key is set aside, so it waits behind that
	Redrive   Kind = "redrive"   // somebody asked that the letters of the key are handled again
	Failed    Kind = "failed"    // the handler failed again
	Handled   Kind = "handled"   // the handler succeeded
	Discarded Kind = "discarded" // somebody gave the event up for this handler

	// Rewound says that somebody has set the group's offset of the partition to this one: what was handled from there on
	// is handled again. It is of no key.
	Rewound Kind = "rewound"
)

// Whole reports whether a record of the kind carries the event.
func (k Kind) Whole() bool { return k == Dead || k == Waiting }

func (k Kind) known() bool {
	switch k {
	case Dead, Waiting, Redrive, Failed, Handled, Discarded, Rewound:
		return true
	}
	return false
}

// ID names a letter: one event that one handler did not get done.
type ID struct {
	Handler   string
	Topic     string
	Partition int32
	Offset    int64
}

// Entry is one record of the topic.
type Entry struct {
	ID

	Kind     Kind
	At       time.Time // when it was written
	Attempts int       // of the handler, so far
	First    time.Time // of the first attempt
	Last     time.Time // of the last attempt
	Note     string    // the handler's error, or why somebody asked

	// The event, byte for byte as it stands in its topic. The traces of a letter have its key alone.
	Key       []byte
	Value     []byte
	Headers   []*sarama.RecordHeader
	Timestamp time.Time

	Position int64 // the entry's own offset
}

// SchemaID returns the id of the schema that the value says it was written with, in Confluent's wire format, or 0.
func (e *Entry) SchemaID() int {
	if len(e.Value) < 5 || e.Value[0] != 0 {
		return 0
	}
	return int(binary.BigEndian.Uint32(e.Value[1:5]))
}

// maxNote bounds what is kept of an error's text: a letter must fit where its event fitted.
const maxNote = 8 << 10

// Names of the headers that follow those of the event.
const (
	headerPrefix    = "deadLetter."
	headerKind      = headerPrefix + "kind"
	headerHandler   = headerPrefix + "handler"
	headerTopic     = headerPrefix + "topic"
	headerPartition = headerPrefix + "partition"
	headerOffset    = headerPrefix + "offset"
	headerAt        = headerPrefix + "at"
	headerAttempts  = headerPrefix + "attempts"
	headerFirst     = headerPrefix + "firstAttempt"
	headerLast      = headerPrefix + "lastAttempt"
	headerNote      = headerPrefix + "note"
	headerSchemaID  = headerPrefix + "schemaId"
	headerTimestamp = headerPrefix + "timestamp" // of the event's record
	headerCount     = headerPrefix + "headers"   // how many headers, from the first on, are the event's
)

// Message returns the entry as it is written.
func (e *Entry) Message(topic string) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: topic, Key: sarama.ByteEncoder(e.Key), Timestamp: e.At}
	if e.Value != nil {
		m.Value = sarama.ByteEncoder(e.Value)
	}
	for _, h := range e.Headers {
		m.Headers = append(m.Headers, *h)
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

// cut returns the text, or as much of it as is kept.
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

// Decode returns the entry that Message wrote. The position is left to the caller.
func Decode(r *sarama.Record) (Entry, error) {
	e := Entry{Key: r.Key, Value: r.Value}
	p := parser{values: make(map[string]string)}
	own := len(r.Headers)
	if own > 0 { // the last one says where the others begin
		last := r.Headers[own-1]
		n, err := strconv.Atoi(string(last.Value))
		if string(last.Key) != headerCount || err != nil || n < 0 || n >= own {
			return e, fmt.Errorf("the last header is %q with %q, expected %s with a number below %d", last.Key, last.Value, headerCount, own)
		}
		own, e.Headers = n, r.Headers[:n:n]
	}
	for _, h := range r.Headers[own:] {
		p.values[string(h.Key)] = string(h.Value)
	}
	e.Kind = Kind(p.values[headerKind])
	e.Handler, e.Topic = p.values[headerHandler], p.values[headerTopic]
	e.Note = p.values[headerNote]
	e.Partition = int32(p.number(headerPartition, 32))
	e.Offset = p.number(headerOffset, 64)
	e.Attempts = int(p.number(headerAttempts, 32))
	e.At, e.First, e.Last = p.moment(headerAt), p.moment(headerFirst), p.moment(headerLast)
	e.Timestamp = p.moment(headerTimestamp)
	switch {
	case p.err != nil:
		return e, p.err
	case !e.Kind.known():
		return e, fmt.Errorf("header %s is %q, which this version does not know", headerKind, string(e.Kind))
	case e.Handler == "" || e.Topic == "":
		return e, fmt.Errorf("headers %s and %s are %q and %q, expected names", headerHandler, headerTopic, e.Handler, e.Topic)
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
