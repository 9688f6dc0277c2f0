package eventstore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func record(change ...func(*eventstore.Record)) eventstore.Record {
	r := eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("value"),
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func stream() eventstore.Stream { return eventstore.Stream{Category: "Account", ID: "a-1"} }

// check checks a commit to a category whose partition key is the whole id.
func check(c eventstore.Commit) error { return eventstore.Check(c, eventstore.WholeID) }

func TestCheckWithinLimits(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("é", eventstore.MaxIDBytes/2) + "x"
	require.Len(t, longest, eventstore.MaxIDBytes)
	for name, r := range map[string]eventstore.Record{
		"least": record(),
		"longest texts": record(func(r *eventstore.Record) {
			r.ID, r.CorrelationID, r.CausationID = longest, longest, longest
			r.CommandID, r.ActorID, r.TraceParent = longest, longest, longest
			r.Type = strings.Repeat("x", eventstore.MaxTypeBytes)
			r.Metadata = map[string]string{longest: ""}
		}),
		"earliest": record(func(r *eventstore.Record) { r.Timestamp = time.Unix(0, 0) }),
		"earliest, elsewhere": record(func(r *eventstore.Record) {
			r.Timestamp = time.Unix(0, 0).In(time.FixedZone("behind", -3600))
		}),
		"latest": record(func(r *eventstore.Record) {
			r.Timestamp = time.Date(2261, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
		}),
		"latest, elsewhere": record(func(r *eventstore.Record) {
			r.Timestamp = time.Date(2261, 12, 31, 23, 59, 59, 999_999_999, time.UTC).In(time.FixedZone("ahead", 3600))
		}),
		"largest": record(func(r *eventstore.Record) {
			r.Value = make([]byte, len(r.Value)+eventstore.MaxCommitBytes-eventstore.Size(*r))
		}),
	} {
		for _, expected := range []eventstore.Expected{eventstore.Any, eventstore.NoStream, 1, 1 << 62} {
			require.NoError(t, check(eventstore.To(stream(), expected, r)), name)
		}
	}
	strangest := eventstore.Stream{Category: "a-Z_09", ID: longest}
	require.NoError(t, check(eventstore.To(strangest, eventstore.Any, record())))
	most := slices.Repeat([]eventstore.Record{record()}, eventstore.MaxCommitRecords)
	require.NoError(t, check(eventstore.To(stream(), eventstore.Any, most...)))
}

func TestCheckMistake(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", eventstore.MaxIDBytes+1)
	for field, change := range map[string]func(*eventstore.Record){
		"record 2: version, position, commit": func(r *eventstore.Record) { r.AggregateVersion = 2 },
		"record 2: event id":                  func(r *eventstore.Record) { r.ID = "" },
		"record 2: event type":                func(r *eventstore.Record) { r.Type = "Account Created" },
		"record 2: revision":                  func(r *eventstore.Record) { r.Revision = 0 },
		"record 2: timestamp":                 func(r *eventstore.Record) { r.Timestamp = time.Time{} },
		"record 2: correlation id":            func(r *eventstore.Record) { r.CorrelationID = long },
		"record 2: causation id":              func(r *eventstore.Record) { r.CausationID = "\xff" },
		"record 2: actor id":                  func(r *eventstore.Record) { r.ActorID = long },
		"record 2: traceparent":               func(r *eventstore.Record) { r.TraceParent = long },
		"record 2: value":                     func(r *eventstore.Record) { r.Value = nil },
		"record 2: metadata key":              func(r *eventstore.Record) { r.Metadata = map[string]string{"": "v"} },
		`record 2: metadata "k"`: func(r *eventstore.Record) {
			r.Metadata = map[string]string{"k": "\xff"}
		},
		"record 2: command digest": func(r *eventstore.Record) { r.CommandDigest = "d" },
		"record 2: command id":     func(r *eventstore.Record) { r.CommandID = "other" },
		"commit": func(r *eventstore.Record) {
			r.Value = make([]byte, eventstore.MaxCommitBytes)
		},
	} {
		err := check(eventstore.To(stream(), eventstore.Any, record(), record(change)))
		require.ErrorIs(t, err, eventstore.ErrInvalid, field)
		var invalid *eventstore.InvalidError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, field, invalid.Field)
		require.NotContains(t, err.Error(), "\n", "one mistake, one error")
	}
}

// TestCheckTimesAreUTC is about times that are in the range where the caller is, and out of it in
// UTC.
func TestCheckTimesAreUTC(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Date(1970, 1, 1, 0, 59, 0, 0, time.FixedZone("ahead", 3600)),
		time.Date(2261, 12, 31, 23, 1, 0, 0, time.FixedZone("behind", -3600)),
	} {
		r := record(func(r *eventstore.Record) { r.Timestamp = at })
		require.ErrorIs(t, check(eventstore.To(stream(), eventstore.Any, r)), eventstore.ErrInvalid, at)
	}
}

func TestCheckAllMistakes(t *testing.T) {
	t.Parallel()
	err := check(eventstore.To(eventstore.Stream{Category: "1", ID: ""}, -2,
		record(func(r *eventstore.Record) { r.ID, r.Value = "", nil }),
		record(func(r *eventstore.Record) { r.Revision = -1 }),
	))
	for _, want := range []string{
		"category: found \"1\"", "aggregate id: found nothing", "expected version: found -2",
		"record 1: event id: found nothing", "record 1: value: found nothing", "record 2: revision: found -1",
	} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 6)
}

// TestCheckDigests is about the digest of a command, which says nothing without the command's id.
func TestCheckDigests(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", eventstore.MaxDigestBytes)
	for _, x := range []struct{ command, digest, want string }{
		{"c", longest, ""},
		{"c", "", ""},
		{"", "", ""},
		{"", "d", `command digest: found "d", expected nothing without a command id`},
		{"c", longest + "x", "command digest: found 65 bytes, expected at most 64"},
		{"c", "\xff", `command digest: found "\xff", expected UTF-8`},
	} {
		err := check(eventstore.To(stream(), eventstore.Any, record(func(r *eventstore.Record) {
			r.CommandID, r.CommandDigest = x.command, x.digest
		})))
		if x.want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, x.want)
		}
	}
}

// TestCheckRevisions is about revisions that not every client can hold.
func TestCheckRevisions(t *testing.T) {
	t.Parallel()
	for revision, ok := range map[int]bool{
		-1: false, 0: false, 1: true, eventstore.MaxRevision: true, eventstore.MaxRevision + 1: false,
	} {
		r := record(func(r *eventstore.Record) { r.Revision = revision })
		require.Equal(t, ok, check(eventstore.To(stream(), eventstore.Any, r)) == nil, "revision %d", revision)
	}
}

func TestCheckNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"": false, "A": true, "z": true, "a1": true, "a-b_c": true, "1a": false, "-a": false, "_a": false,
		"a.b": false, "a b": false,
		"ä": false, "a\x00": false, "@": false, "[": false, "`": false, "{": false,
		"a\u212a": false, // the Kelvin sign, whose lower case is k
		strings.Repeat("a", eventstore.MaxTypeBytes): true, strings.Repeat("a", eventstore.MaxTypeBytes+1): false,
	} {
		err := eventstore.CheckCategory(name)
		require.Equal(t, ok, err == nil, "%q: %v", name, err)
		err = eventstore.CheckStream(eventstore.Stream{Category: name, ID: "a"}, eventstore.WholeID)
		require.Equal(t, ok, err == nil, "%q: %v", name, err)
	}
}

// TestSizeFitsKafka adds up what the largest commit needs on Kafka, by the format of record
// batches. The names of headers are as long as they are there.
func TestSizeFitsKafka(t *testing.T) {
	t.Parallel()
	const (
		maxMessageBytes = 1_048_588 // the broker's default of max.message.bytes
		batchHeader     = 61
		// length, attributes, deltas of time and offset, key, value, number of headers
		recordFraming = 2 + 1 + 7 + 2 + 2 + 2 + 1
		headerFraming = 1 + 2 // lengths of name and text
	)
	for what, part := range map[string]map[string]int{
		"one stream":      {"commitFirst": 19, "commitLength": 4},
		"several streams": {"commitIndex": 4, "commitSize": 4}, // instead
	} {
		headers := map[string]int{
			"eventVersion": 10, "aggregateType": eventstore.MaxTypeBytes, "aggregateVersion": 19, "timestamp": 30,
			"eventId": 0, "eventType": 0, "correlationId": 0, "causationId": 0, "commandId": 0,
			"commandCausationId": 0, "commandDigest": 0, "actorId": 0, "traceparent": 0,
		}
		maps.Copy(headers, part)
		perRecord := recordFraming
		for name, most := range headers {
			perRecord += len(name) + most + headerFraming
		}
		perRecord += eventstore.MaxIDBytes // the key; Size does not know it, nor the category
		uncounted := perRecord - eventstore.Size(eventstore.Record{})
		worst := batchHeader + eventstore.MaxCommitBytes + eventstore.MaxCommitRecords*uncounted
		require.Less(t, worst+worst/250, maxMessageBytes,
			"a commit to %s: lz4 adds up to 1/255 to what does not compress", what)
	}
}

func ExampleCheck() {
	account := eventstore.Stream{Category: "Account", ID: "a/1"}
	err := eventstore.Check(eventstore.To(account, eventstore.Any), eventstore.BeforeSlash)
	fmt.Println(err)
	fmt.Println(errors.Is(err, eventstore.ErrInvalid))
	// Output:
	// expected version: found Any, expected NoStream or a version from 1 on, as there are no records of Account/a/1
	// true
}

func TestRefuseCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, eventstore.RefuseCheck(eventstore.To(stream(), eventstore.Any, record())))
	for _, c := range []eventstore.Commit{eventstore.To(stream(), 1), {}} {
		err := eventstore.RefuseCheck(c)
		require.ErrorIs(t, err, eventstore.ErrInvalid)
		require.ErrorContains(t, err, "a check goes to Append")
	}
}
