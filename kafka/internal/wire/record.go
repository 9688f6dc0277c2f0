package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
)

// Names of the record headers. The aggregate id is the record's key.
const (
	headerEventID            = "eventId"
	headerEventType          = "eventType"
	headerEventVersion       = "eventVersion" // schema revision of the event type
	headerAggregateType      = "aggregateType"
	headerAggregateVersion   = "aggregateVersion"
	headerCommitFirst        = "commitFirst"  // of a commit of one stream: version of its first event
	headerCommitLength       = "commitLength" // number of that commit's events
	headerCommitIndex        = "commitIndex"  // of a commit of several streams: place in it, from 1
	headerCommitSize         = "commitSize"   // number of that commit's events
	headerTimestamp          = "timestamp"
	headerCorrelationID      = "correlationId"
	headerCausationID        = "causationId"
	headerCommandID          = "commandId"
	headerCommandCausationID = "commandCausationId" // what led to the command
	headerCommandDigest      = "commandDigest"      // of the commit's first event only
	headerActorID            = "actorId"
	headerTraceParent        = "traceparent"
	metadataPrefix           = "metadata."
)

// commitPrefix begins the names of headers that say which commit a record is part of. A reader that
// does not know one of them cannot tell what counts, so it must refuse the record. Releases before
// commits of several streams refuse these, as commitFirst is missing.
const commitPrefix = "commit"

// Encode returns the record as Kafka keeps it. A field that is empty has no header.
func Encode(r *eventstore.Record) *sarama.Record {
	into := new(sarama.Record)
	var e Encoder
	e.room(1, len(r.Metadata))
	e.encode(r, into)
	return into
}

// Decode returns the event that Encode wrote. It ignores headers with other names, unless these say
// something of the commit. The caller sets the position.
func Decode(rec *sarama.Record) (eventstore.Record, error) {
	p := parser{r: eventstore.Record{Value: rec.Value}}
	for _, h := range rec.Headers {
		p.header(h)
	}
	for i, name := range [required]string{ // in the order of their bits
		headerEventID, headerEventType, headerEventVersion, headerAggregateType, headerAggregateVersion,
		headerTimestamp,
	} {
		if p.seen&(1<<i) == 0 {
			p.fail("header %s is missing", name)
		}
	}
	if len(rec.Key) == 0 {
		p.fail("the key is empty, expected the aggregate id")
	}
	p.finish(rec.Key)
	p.commit()
	return p.r, p.err
}

// required is how many headers every record has, beside those of its commit. They have the bits
// from 0 on.
const required = 6

// The bits of the headers of commits.
const (
	bitCommitFirst = required + iota
	bitCommitLength
	bitCommitIndex
	bitCommitSize
	ofOneStream  = 1<<bitCommitFirst | 1<<bitCommitLength
	ofSeveral    = 1<<bitCommitIndex | 1<<bitCommitSize
	commitFields = ofOneStream | ofSeveral
)

// parser fills a record from headers. Each header may be there once, and seen has a bit for each.
type parser struct {
	r     eventstore.Record
	first int64 // version of the commit's first event, if the commit is of one stream
	seen  uint32
	err   error
	texts [headerBits][]byte // by bit, those that are texts
}

// commit completes what the record says of its commit.
func (p *parser) commit() {
	c := &p.r.Commit
	switch p.seen & commitFields {
	case ofOneStream:
		at := p.r.AggregateVersion - p.first
		if at < 0 || at >= int64(c.Size) {
			p.fail("version %d is not in its commit, %d events from version %d", p.r.AggregateVersion, c.Size, p.first)
		}
		c.Index = int(at) + 1
	case ofSeveral:
		if c.Several = true; c.Index > c.Size {
			p.fail("event %d is not in its commit of %d events", c.Index, c.Size)
		}
	default:
		p.fail("found headers of a commit that do not belong together, or none; expected %s and %s, or %s and %s",
			headerCommitFirst, headerCommitLength, headerCommitIndex, headerCommitSize)
	}
}

// finish gives the record its texts. It copies them together with the aggregate id.
func (p *parser) finish(aggregateID []byte) {
	var room [textBytes]byte
	all := append(room[:0], aggregateID...)
	for _, text := range p.texts {
		all = append(all, text...)
	}
	left := string(all)
	next := func(n int) (text string) {
		text, left = left[:n], left[n:]
		return text
	}
	p.r.AggregateID = next(len(aggregateID))
	for bit, field := range [...]*string{
		0: &p.r.ID, 1: &p.r.Type, 3: &p.r.Category, 10: &p.r.CorrelationID, 11: &p.r.CausationID, 12: &p.r.CommandID,
		13: &p.r.ActorID,
		14: &p.r.TraceParent, 15: &p.r.CommandDigest, 16: &p.r.CommandCausationID,
	} {
		if field != nil {
			*field = next(len(p.texts[bit]))
		}
	}
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) header(h *sarama.RecordHeader) {
	switch string(h.Key) {
	case headerEventID:
		p.text(0, h)
	case headerEventType:
		p.text(1, h)
	case headerEventVersion:
		p.r.Revision = int(p.number(2, h, 32))
	case headerAggregateType:
		p.text(3, h)
	case headerAggregateVersion:
		p.r.AggregateVersion = p.number(4, h, 64)
	case headerTimestamp:
		p.time(5, h)
	case headerCommitFirst:
		p.first = p.number(bitCommitFirst, h, 64)
	case headerCommitLength:
		p.r.Commit.Size = int(p.number(bitCommitLength, h, 32))
	case headerCommitIndex:
		p.r.Commit.Index = int(p.number(bitCommitIndex, h, 32))
	case headerCommitSize:
		p.r.Commit.Size = int(p.number(bitCommitSize, h, 32))
	case headerCorrelationID:
		p.text(10, h)
	case headerCausationID:
		p.text(11, h)
	case headerCommandID:
		p.text(12, h)
	case headerActorID:
		p.text(13, h)
	case headerTraceParent:
		p.text(14, h)
	case headerCommandDigest:
		p.text(15, h)
	case headerCommandCausationID:
		p.text(16, h)
	default:
		p.other(h)
	}
}

// other takes a header of any other name.
func (p *parser) other(h *sarama.RecordHeader) {
	if strings.HasPrefix(string(h.Key), commitPrefix) {
		p.fail("header %q is not known to this release and says what the commit is; read the topic with a release "+
			"that knows it", h.Key)
		return
	}
	p.metadata(h)
}

func (p *parser) once(bit int, h *sarama.RecordHeader) {
	if p.seen&(1<<bit) != 0 {
		p.fail("header %s is there twice", h.Key)
	}
	p.seen |= 1 << bit
	if !utf8.Valid(h.Value) {
		p.fail("header %s is not UTF-8: %q", h.Key, h.Value)
	}
}

func (p *parser) text(bit int, h *sarama.RecordHeader) {
	p.once(bit, h)
	if bit < required && len(h.Value) == 0 {
		p.fail("header %s is empty", h.Key)
	}
	p.texts[bit] = h.Value
}

func (p *parser) number(bit int, h *sarama.RecordHeader, size int) int64 {
	p.once(bit, h)
	n, err := strconv.ParseInt(string(h.Value), 10, size)
	if err != nil || n < 1 {
		p.fail("header %s is %q, expected a whole number from 1", h.Key, h.Value)
	}
	return n
}

func (p *parser) time(bit int, h *sarama.RecordHeader) {
	p.once(bit, h)
	t, err := time.Parse(time.RFC3339Nano, string(h.Value))
	if err != nil {
		p.fail("header %s is %q, expected a time as in RFC 3339", h.Key, h.Value)
	}
	p.r.Timestamp = t.UTC()
}

func (p *parser) metadata(h *sarama.RecordHeader) {
	key, ok := strings.CutPrefix(string(h.Key), metadataPrefix)
	if !ok {
		return
	}
	if _, twice := p.r.Metadata[key]; twice {
		p.fail("header %s is there twice", h.Key)
	}
	if !utf8.ValidString(key) || !utf8.Valid(h.Value) {
		p.fail("header %q is not UTF-8: %q", h.Key, h.Value)
	}
	if p.r.Metadata == nil {
		p.r.Metadata = make(map[string]string)
	}
	p.r.Metadata[key] = string(h.Value)
}
