package eventstoretest

import (
	"fmt"
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// firstTime is when the first record of the suite happens in an empty category. It is in the past,
// because a store keeps such times.
func firstTime() time.Time { return time.Date(2020, 2, 29, 23, 59, 58, 123_456_789, time.UTC) }

// stepsLeft is how many steps at least are left to the present if there is little room.
const stepsLeft = 16

// tick returns a time that is d after that of the newest record of the suite. It returns less if
// that would be close to the present, because a store keeps no times of the future.
func (s *suite) tick(d time.Duration) time.Time {
	s.now = s.now.Add(max(0, min(d, s.clock().Sub(s.now)/stepsLeft)))
	return s.now
}

// stream returns a stream that does not exist yet, in one of the categories.
func (s *suite) stream(category int) eventstore.Stream {
	return eventstore.Stream{Category: s.types[category%len(s.types)], ID: ids.New()}
}

// records returns n records of one commit, each with everything that a header can hold.
func (s *suite) records(n int, commandID string) []eventstore.Record {
	records := make([]eventstore.Record, n)
	for i := range records {
		records[i] = s.record(s.tick(1_234_567_891*time.Nanosecond), commandID)
	}
	return records
}

func (s *suite) record(at time.Time, commandID string) eventstore.Record {
	id := ids.New()
	return s.gives(eventstore.Record{
		Header: event.Header{
			ID: id, Type: "SomethingHappened", Revision: 3, Timestamp: at,
			CorrelationID: "r " + id, CausationID: "c " + id,
			CommandID: commandID, CommandCausationID: "order-1", ActorID: "user-1",
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			Metadata:    map[string]string{"tenant": "t-1", "reason": id},
		},
		Value: []byte("\x00\x00\x00\x00\x07v " + id),
	})
}

// drawRecords makes the records of a commit, with ids that begin with prefix.
func (s *suite) drawRecords(t *rapid.T, prefix, commandID string) []eventstore.Record {
	n := rapid.OneOf(rapid.IntRange(1, 3), rapid.IntRange(1, 12)).Draw(t, "records")
	records := make([]eventstore.Record, n)
	for i := range records {
		// Clocks of different processes differ, so a record may be older than the one before it.
		at := s.now.Add(time.Duration(rapid.Int64Range(-1e9, 2e9).Draw(t, "time")))
		if at.After(s.now) && !at.After(s.clock()) {
			s.now = at
		}
		records[i] = s.gives(eventstore.Record{
			Header: event.Header{
				ID:                 fmt.Sprintf("%s.%d", prefix, i),
				Type:               rapid.SampledFrom([]string{"A", "account-opened_2", "Z9"}).Draw(t, "event type"),
				Revision:           rapid.SampledFrom([]int{1, 2, 127, 128, math.MaxInt32}).Draw(t, "revision"),
				Timestamp:          at.In(zones()[rapid.IntRange(0, len(zones())-1).Draw(t, "zone")]),
				CorrelationID:      drawText(t, "correlation id"),
				CausationID:        drawText(t, "causation id"),
				CommandID:          commandID,
				CommandCausationID: drawText(t, "command's causation id"),
				ActorID:            drawText(t, "actor id"),
				TraceParent:        drawText(t, "traceparent"),
				Metadata:           drawMetadata(t),
			},
			Value: rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "value"),
		})
	}
	return records
}

// zones are where callers may be. The store returns UTC wherever they are.
func zones() []*time.Location {
	return []*time.Location{time.UTC, time.FixedZone("ahead", 14*3600), time.FixedZone("behind", -(9*3600 + 1800))}
}

func drawText(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.SampledFrom(oddTexts()), rapid.StringN(0, 20, eventstore.MaxIDBytes)).Draw(t, label)
}

func drawMetadata(t *rapid.T) map[string]string {
	keys := rapid.OneOf(
		rapid.SampledFrom([]string{"eventId", "commandId", "timestamp", "traceparent", "tenant", "Tenant"}),
		rapid.StringN(1, 8, eventstore.MaxIDBytes),
	)
	return rapid.MapOfN(keys, rapid.StringN(0, 12, -1), 0, 3).Draw(t, "metadata")
}

// oddTexts are valid as ids, and have troubled somebody's store.
func oddTexts() []string {
	return []string{
		"", " ", ".", "..", "a/b", `a\b`, "a:b", "a,b;c", "%2F", "*", "?", "#", "-1", "0", "null",
		"\x00", "\x00\x01", "line\nbreak", "tab\t", "\r\n", `"quoted"`, "'; DROP TABLE events; --",
		"Ärger", "A\u0308rger", "ß", "İ", "\u202ertl", "\ufeffbom", "\ufffd",
		"日本語", "👩‍👩‍👧‍👦", "\U0010ffff",
	}
}
