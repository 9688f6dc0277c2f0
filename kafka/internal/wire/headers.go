package wire

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// headerSink gets the headers of a record, one after the other. It copies what it keeps of bytes.
type headerSink interface {
	text(name []byte, value string)
	bytes(name, value []byte)
	named(name []byte, value string) // a name that is no constant
}

// headers lists the headers of records. Its memory is for one record after the other.
type headers struct {
	scratch []byte
	keys    []string // of one record's metadata
}

// of gives the headers of the record to the sink. A field that is empty has no header.
func (h *headers) of(r *eventstore.Record, to headerSink) {
	h.text(to, nameOfEventID, r.ID)
	h.text(to, nameOfEventType, r.Type)
	h.number(to, nameOfEventVersion, int64(r.Revision))
	h.text(to, nameOfAggregateType, r.Category)
	h.number(to, nameOfAggregateVersion, r.AggregateVersion)
	h.commit(to, r)
	h.scratch = r.Timestamp.UTC().AppendFormat(h.scratch[:0], time.RFC3339Nano)
	to.bytes(nameOfTimestamp, h.scratch)
	h.text(to, nameOfCorrelationID, r.CorrelationID)
	h.text(to, nameOfCausationID, r.CausationID)
	h.text(to, nameOfCommandID, r.CommandID)
	h.text(to, nameOfCommandCausationID, r.CommandCausationID)
	h.text(to, nameOfCommandDigest, r.CommandDigest)
	h.text(to, nameOfActorID, r.ActorID)
	h.text(to, nameOfTraceParent, r.TraceParent)
	if len(r.Metadata) == 0 {
		return
	}
	h.keys = slices.AppendSeq(h.keys[:0], maps.Keys(r.Metadata))
	slices.Sort(h.keys)
	for _, k := range h.keys {
		h.scratch = append(append(h.scratch[:0], metadataPrefix...), k...)
		to.named(h.scratch, r.Metadata[k])
	}
	clear(h.keys)
}

// commit gives the headers that say which part of its commit the record is.
func (h *headers) commit(to headerSink, r *eventstore.Record) {
	c := r.Commit
	if c.Several {
		h.number(to, nameOfCommitIndex, int64(c.Index))
		h.number(to, nameOfCommitSize, int64(c.Size))
		return
	}
	h.number(to, nameOfCommitFirst, r.AggregateVersion-int64(c.Index)+1)
	h.number(to, nameOfCommitLength, int64(c.Size))
}

func (h *headers) text(to headerSink, name []byte, value string) {
	if value != "" {
		to.text(name, value)
	}
}

func (h *headers) number(to headerSink, name []byte, value int64) {
	h.scratch = strconv.AppendInt(h.scratch[:0], value, 10)
	to.bytes(name, h.scratch)
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
