package fencelogcli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
)

// eventJSON is what --json says of an event. Its names are those of the record headers.
type eventJSON struct {
	Category           string            `json:"category"`
	AggregateID        string            `json:"aggregateId"`
	AggregateVersion   int64             `json:"aggregateVersion"`
	EventType          string            `json:"eventType"`
	EventVersion       int               `json:"eventVersion"` // the schema revision of the type
	EventID            string            `json:"eventId"`
	Timestamp          string            `json:"timestamp"`
	Partition          int32             `json:"partition"`
	Offset             int64             `json:"offset"`
	CommitIndex        int               `json:"commitIndex"` // place in its commit, from 1
	CommitSize         int               `json:"commitSize"`  // events in its commit
	CommandID          string            `json:"commandId,omitempty"`
	CommandCausationID string            `json:"commandCausationId,omitempty"`
	CommandDigest      string            `json:"commandDigest,omitempty"`
	CausationID        string            `json:"causationId,omitempty"`
	CorrelationID      string            `json:"correlationId,omitempty"`
	ActorID            string            `json:"actorId,omitempty"`
	TraceParent        string            `json:"traceparent,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	value
}

func eventOf(r eventstore.Record, v value) eventJSON {
	return eventJSON{
		Category: r.Category, AggregateID: r.AggregateID, AggregateVersion: r.AggregateVersion,
		EventType: r.Type, EventVersion: r.Revision, EventID: r.ID, Timestamp: timeOf(r.Timestamp),
		Partition: r.Position.Partition, Offset: r.Position.Offset,
		CommitIndex: r.Commit.Index, CommitSize: r.Commit.Size,
		CommandID: r.CommandID, CommandCausationID: r.CommandCausationID, CommandDigest: r.CommandDigest,
		CausationID: r.CausationID, CorrelationID: r.CorrelationID, ActorID: r.ActorID,
		TraceParent: r.TraceParent, Metadata: r.Metadata, value: v,
	}
}

// block returns the event in several lines: what it is, then its causes, then its fields.
func (e eventJSON) block() string {
	var causes, fields []field
	cause := func(name, text string) {
		if text != "" {
			causes = append(causes, field{name, []byte(strconv.Quote(text))})
		}
	}
	cause("event id", e.EventID)
	if e.CommitSize > 1 {
		causes = append(causes, field{"commit", fmt.Appendf(nil, "event %d of %d", e.CommitIndex, e.CommitSize)})
	}
	cause("command id", e.CommandID)
	if e.CausationID != e.CommandID {
		cause("caused by", e.CausationID)
	}
	cause("command caused by", e.CommandCausationID)
	cause("correlation", e.CorrelationID)
	cause("actor", e.ActorID)
	cause("trace", e.TraceParent)
	for _, key := range slices.Sorted(maps.Keys(e.Metadata)) {
		cause(key, e.Metadata[key])
	}
	switch fields = e.fields(); {
	case e.Problem != "":
		fields = []field{{"not decoded", []byte(strconv.Quote(e.Problem))}, {"bytes", []byte(strconv.Quote(e.Hex))}}
	case fields == nil:
		fields = []field{{"value", e.Event}}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d  %s  revision %d  %s  at %d:%d\n", e.AggregateVersion, plain(e.EventType), e.EventVersion,
		e.Timestamp, e.Partition, e.Offset)
	write := func(all []field) {
		width := 0
		for _, f := range all {
			width = max(width, len(plain(f.name)))
		}
		for _, f := range all {
			fmt.Fprintf(&b, "   %-*s  %s\n", width, plain(f.name), f.text())
		}
	}
	write(causes)
	if len(fields) > 0 {
		b.WriteByte('\n')
		write(fields)
	}
	return b.String()
}

// line returns the event in one line.
func (e eventJSON) line() string {
	shown := string(e.Event)
	if e.Problem != "" {
		shown = "not decoded: " + e.Problem + ": " + e.Hex
	}
	return fmt.Sprintf("%s  %s  %d  %s  %s\n", e.Timestamp, plain(e.Category+"/"+e.AggregateID), e.AggregateVersion,
		plain(e.EventType), plain(shown))
}
