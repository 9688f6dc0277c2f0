package wire_test

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

func record() eventstore.Record {
	return eventstore.Record{
		Header: event.Header{
			ID: "e-1", Type: "AccountCreated", Revision: 2, Category: "Account", AggregateID: "a-1",
			AggregateVersion: 4,
			Timestamp:        time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC), CorrelationID: "c", CausationID: "d",
			CommandID: "k", CommandCausationID: "e", CommandDigest: "f00d", ActorID: "u",
			TraceParent: "00-1-2-01", Metadata: map[string]string{"tenant": "t", "": "empty name", "empty value": ""},
		},
		Value:  []byte("value"),
		Commit: eventstore.CommitPart{Index: 2, Size: 2},
	}
}

func TestHeadersAreTheSeeds(t *testing.T) {
	got := make(map[string]string)
	for _, h := range wire.Encode(new(record())).Headers {
		got[string(h.Key)] = string(h.Value)
	}
	require.Equal(t, map[string]string{
		"eventId": "e-1", "eventType": "AccountCreated", "eventVersion": "2", "aggregateType": "Account",
		"aggregateVersion": "4", "commitFirst": "3", "commitLength": "2",
		"timestamp": "2026-02-03T04:05:06.000000007Z", "correlationId": "c", "causationId": "d",
		"commandId": "k", "commandCausationId": "e", "commandDigest": "f00d", "actorId": "u",
		"traceparent":     "00-1-2-01",
		"metadata.tenant": "t", "metadata.": "empty name", "metadata.empty value": "",
	}, got)
}

// A record of a commit of several streams has other headers. So a release before these commits
// refuses the record: it misses commitFirst.
func TestHeadersOfCommitsOfSeveralStreams(t *testing.T) {
	r := record()
	r.Commit = eventstore.CommitPart{Index: 2, Size: 5, Several: true}
	found := make(map[string]string)
	for _, h := range wire.Encode(&r).Headers {
		if strings.HasPrefix(string(h.Key), "commit") {
			found[string(h.Key)] = string(h.Value)
		}
	}
	require.Equal(t, map[string]string{"commitIndex": "2", "commitSize": "5"}, found)
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	r := record()
	got, err := wire.Decode(wire.Encode(&r))
	require.NoError(t, err)
	require.Equal(t, r, got)
	r.Commit = eventstore.CommitPart{Index: 7, Size: 9, Several: true}
	got, err = wire.Decode(wire.Encode(&r))
	require.NoError(t, err)
	require.Equal(t, r, got)

	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		first := rapid.Int64Range(1, math.MaxInt64-10).Draw(t, "first")
		nth := rapid.IntRange(1, 10).Draw(t, "nth")
		r := eventstore.Record{
			Value:  []byte{1},
			Commit: eventstore.CommitPart{Index: nth, Size: 10, Several: rapid.Bool().Draw(t, "several")},
			Header: event.Header{
				ID: text.Draw(t, "id") + "i", Type: text.Draw(t, "type") + "t",
				Category: text.Draw(t, "category") + "a", AggregateID: text.Draw(t, "aggregate id") + "a",
				AggregateVersion: first + int64(nth) - 1,
				Revision:         int(rapid.Int32Range(1, math.MaxInt32).Draw(t, "revision")),
				Timestamp: time.Unix(rapid.Int64Range(0, 9_000_000_000).Draw(t, "s"),
					rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
				CorrelationID: text.Draw(t, "correlation"), CausationID: text.Draw(t, "causation"),
				CommandID:     text.Draw(t, "command"),
				CommandDigest: text.Draw(t, "digest"),
				ActorID:       text.Draw(t, "actor"), TraceParent: text.Draw(t, "trace"),
			},
		}
		if m := rapid.MapOf(text, text).Draw(t, "metadata"); len(m) > 0 {
			r.Metadata = m
		}
		got, err := wire.Decode(wire.Encode(&r))
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, r, got)
	})
}

func TestRecordsThatAreNoEvents(t *testing.T) {
	header := func(name string) func(*sarama.Record, string) {
		return func(r *sarama.Record, value string) {
			for _, h := range r.Headers {
				if string(h.Key) == name {
					h.Value = []byte(value)
				}
			}
		}
	}
	several := func(r *sarama.Record, index, size string) {
		for _, h := range r.Headers {
			switch string(h.Key) {
			case "commitFirst":
				h.Key, h.Value = []byte("commitIndex"), []byte(index)
			case "commitLength":
				h.Key, h.Value = []byte("commitSize"), []byte(size)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(*sarama.Record)
		want  string
	}{
		"beyond its commit": {func(r *sarama.Record) {
			several(r, "3", "2")
		}, "event 3 is not in its commit of 2 events"},
		"index from zero": {func(r *sarama.Record) { several(r, "0", "2") }, `commitIndex is "0"`},
		"commits mixed": {func(r *sarama.Record) {
			r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte("commitIndex"), Value: []byte("1")})
		}, "headers of a commit that do not belong together"},
		"no commit": {func(r *sarama.Record) {
			r.Headers = slices.DeleteFunc(r.Headers, func(h *sarama.RecordHeader) bool {
				return strings.HasPrefix(string(h.Key), "commit")
			})
		}, "headers of a commit that do not belong together, or none"},
		"of a later release": {func(r *sarama.Record) {
			r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte("commitBranch"), Value: []byte("1")})
		}, `header "commitBranch" is not known to this release`},
		"no headers": {func(r *sarama.Record) { r.Headers = nil }, "header eventId is missing"},
		"no key":     {func(r *sarama.Record) { r.Key = nil }, "the key is empty"},
		"twice": {func(r *sarama.Record) {
			r.Headers = append(r.Headers, r.Headers[0])
		}, "header eventId is there twice"},
		"metadata twice": {func(r *sarama.Record) {
			r.Headers = append(r.Headers, r.Headers[len(r.Headers)-1])
		}, "is there twice"},
		"no number": {func(r *sarama.Record) {
			header("aggregateVersion")(r, "x")
		}, `aggregateVersion is "x", expected a whole number`},
		"no version": {func(r *sarama.Record) { header("commitFirst")(r, "0") }, `commitFirst is "0"`},
		"too large": {func(r *sarama.Record) {
			header("commitLength")(r, "3000000000")
		}, `commitLength is "3000000000"`},
		"not in commit": {func(r *sarama.Record) {
			header("aggregateVersion")(r, "5")
		}, "version 5 is not in its commit, 2 events from version 3"},
		"no time": {func(r *sarama.Record) { header("timestamp")(r, "today") }, `timestamp is "today"`},
		"empty":   {func(r *sarama.Record) { header("eventId")(r, "") }, "header eventId is empty"},
		"no text": {func(r *sarama.Record) { header("actorId")(r, "\xff") }, "actorId is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := wire.Encode(new(record()))
			c.spoil(raw)
			_, err := wire.Decode(raw)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestSequenceNumbersWrap(t *testing.T) {
	require.Equal(t, int32(5), wire.NextSequence(2, 3))
	require.Equal(t, int32(math.MaxInt32), wire.NextSequence(math.MaxInt32-1, 1))
	require.Equal(t, int32(0), wire.NextSequence(math.MaxInt32, 1))
	require.Equal(t, int32(9), wire.NextSequence(math.MaxInt32-9, 19))
}

// FuzzDecode checks that any record of a topic is an event that can be written back, or gives a
// plain error.
func FuzzDecode(f *testing.F) {
	r := record()
	var seed bytes.Buffer
	for _, h := range wire.Encode(&r).Headers {
		seed.WriteString(string(h.Key) + "\n" + string(h.Value) + "\n")
	}
	f.Add([]byte("a-1"), seed.Bytes())
	f.Add([]byte(nil), []byte("eventId\n\n"))
	f.Fuzz(func(t *testing.T, key, headers []byte) {
		raw := &sarama.Record{Key: key, Value: []byte{1}}
		lines := bytes.Split(headers, []byte("\n"))
		for i := 0; i+1 < len(lines); i += 2 {
			raw.Headers = append(raw.Headers, &sarama.RecordHeader{Key: lines[i], Value: lines[i+1]})
		}
		r, err := wire.Decode(raw)
		if err != nil {
			return
		}
		again, err := wire.Decode(wire.Encode(&r))
		require.NoError(t, err)
		require.Equal(t, r.AggregateVersion, again.AggregateVersion, strconv.Quote(string(headers)))
		require.True(t, r.Timestamp.Equal(again.Timestamp))
		require.Equal(t, r.Metadata, again.Metadata)
	})
}
