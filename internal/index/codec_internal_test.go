package index

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
)

func sample() eventstore.Record {
	return eventstore.Record{
		Header: event.Header{
			ID: "0190a3c4-7b1e-7cc3-9a51-0123456789af", Type: "AccountCreated", Revision: 2, Category: "Account",
			AggregateVersion: 4,
			Timestamp:        time.Date(1999, 2, 3, 4, 5, 6, 7, time.UTC), CorrelationID: "c", CausationID: "d",
			CommandID: "k", CommandCausationID: "e", CommandDigest: "0190a3c47b1e7cc39a510123456789af", ActorID: "u",
			TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			Metadata:    map[string]string{"tenant": "t", "": ""},
		},
		Value: []byte("value"), Position: event.Position{Offset: 77},
		Commit: eventstore.CommitPart{Index: 2, Size: 2},
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	r := sample()
	encoded := appendRecord(nil, &r)
	got, err := decodeRecord(encoded)
	require.NoError(t, err)
	require.Equal(t, r, got)

	same := r
	same.CausationID, same.CorrelationID = same.CommandID, same.CommandID
	got2, err := decodeRecord(appendRecord(nil, &same))
	require.NoError(t, err)
	require.Equal(t, same, got2)
	same.CommandID, same.CausationID, same.CorrelationID = "", "", ""
	got2, err = decodeRecord(appendRecord(nil, &same))
	require.NoError(t, err)
	require.Equal(t, same, got2)

	for _, digest := range []string{
		"", "f00d", strings.Repeat("x", 32), strings.Repeat("A", 32),
		"0190a3c47b1e7cc39a510123456789a\x00",
	} {
		r.CommandDigest, r.Metadata = digest, nil
		got, err := decodeRecord(appendRecord(nil, &r))
		require.NoError(t, err)
		require.Equal(t, r, got, "digest %q", digest)
	}
	r = sample()
	require.Len(t, appendDigest(nil, r.CommandDigest), 17)

	clear(encoded) // the database does this to what it lent
	require.Equal(t, r, got)

	for _, part := range []eventstore.CommitPart{
		{Index: 1, Size: 1},
		{Index: 4, Size: 4},
		{Index: 1, Size: 1_000},
		{Index: 1, Size: 2, Several: true},
		{Index: 1_000, Size: 1_000, Several: true},
	} {
		r.Commit = part
		encoded := appendRecord(nil, &r)
		got, err := decodeRecord(encoded)
		require.NoError(t, err)
		require.Equal(t, r, got)
		for cut := range len(encoded) - len(r.Value) {
			_, err := decodeRecord(encoded[:cut])
			require.ErrorIs(t, err, errBroken, "cut at %d", cut)
		}
	}
}

// TestWhatCheckTakesComesBack holds the sentence that whatever may be appended can be read again.
func TestWhatCheckTakesComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream, records := eventstoretest.DrawCommit(t, "Account")
		if eventstore.Check(eventstore.To(stream, eventstore.Any, records...), eventstore.WholeID) != nil {
			return
		}
		first := rapid.SampledFrom([]int64{1, 2, math.MaxInt64 - int64(len(records))}).Draw(t, "first")
		for i, r := range records {
			r.Category, r.AggregateVersion = stream.Category, first+int64(i)
			r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(records)}
			if rapid.Bool().Draw(t, "several") {
				r.Commit.Several, r.Commit.Index = true, rapid.IntRange(1, eventstore.MaxCommitRecords).Draw(t, "index")
				r.Commit.Size = rapid.IntRange(r.Commit.Index, eventstore.MaxCommitRecords).Draw(t, "size")
			}
			r.Position.Offset = first
			r.Timestamp = r.Timestamp.UTC().Round(0)
			if len(r.Metadata) == 0 {
				r.Metadata = nil
			}
			encoded := appendRecord(nil, &r)
			require.LessOrEqual(t, len(encoded), maxRecordSize(&r))
			got, err := decodeRecord(encoded)
			require.NoError(t, err)
			require.Equal(t, r, got)
		}
	})
}

func TestTextsComeBackAsTheyWere(t *testing.T) {
	const id = "0190a3c4-7b1e-7cc3-9a51-0123456789af"
	for _, text := range []string{
		"", "a", id, strings.ToUpper(id), id[:35], id + "0", strings.Repeat("-", 36), strings.Replace(id, "-", "0", 1),
		id[:35] + "g", id[:35] + "\x00", strings.Repeat("x", 36), strings.Repeat("long ", 500),
	} {
		b := appendText(nil, text)
		n := numbers{left: b}
		got := n.text(nil, -1)
		require.False(t, n.bad)
		require.Empty(t, n.left)
		require.Equal(t, text, string(got))
		if text == id {
			require.Len(t, b, 17)
		}
	}
}

func TestCheckpointsComeBackAsTheyWere(t *testing.T) {
	for _, c := range []Checkpoint{
		{Term: NoTerm()},
		{
			Next: 1 << 40, Term: Term{ProducerID: 1 << 50, Epoch: 32767}, Time: math.MaxInt64,
			Last: Fingerprint{Offset: 1<<40 - 10, LeaderEpoch: 70_000, Sum: math.MaxUint32, Records: true},
		},
		{Next: 1, Term: NoTerm(), Time: math.MinInt64, Last: Fingerprint{LeaderEpoch: -1}},
	} {
		got, err := decodeCheckpoint(encodeCheckpoint(c))
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
	_, err := decodeCheckpoint(append(encodeCheckpoint(Checkpoint{}), 0))
	require.ErrorIs(t, err, errBroken)
}

func TestTimesOfCheckpoints(t *testing.T) {
	now := time.Now()
	require.Equal(t, now.UnixNano(), TimeOf(now))
	require.Equal(t, int64(-1), TimeOf(time.Unix(0, -1)))
	require.Equal(t, int64(math.MaxInt64), TimeOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
	require.Equal(t, int64(math.MinInt64), TimeOf(time.Time{}))
}

// TestCommitsComeBackAsTheyWere has ids of a partition key in every form.
func TestCommitsComeBackAsTheyWere(t *testing.T) {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", someID, strings.ToUpper(someID), strings.Repeat("x", 200), "\x00", "\x03"}),
		rapid.StringN(0, 60, 200),
	)
	rapid.Check(t, func(t *rapid.T) {
		partitionKey := eventstore.BeforeSlash.Of(text.Filter(func(s string) bool {
			return eventstore.BeforeSlash.Of(s) != ""
		}).Draw(t, "partition key"))
		c := commit{
			offset: rapid.Int64Min(0).Draw(t, "offset"),
			digest: rapid.OneOf(text, rapid.StringMatching("[0-9a-f]{32}")).Draw(t, "digest"),
		}
		for range rapid.IntRange(1, 4).Draw(t, "streams") {
			w := Written{ID: partitionKey, First: rapid.Int64Range(1, math.MaxInt64-1000).Draw(t, "first")}
			if rapid.Bool().Draw(t, "with a slash") {
				w.ID += "/" + rapid.OneOf(text, rapid.Just(partitionKey)).Draw(t, "rest")
			}
			w.Last = w.First + rapid.Int64Range(0, 1000).Draw(t, "more")
			c.written = append(c.written, w)
		}
		encoded := appendCommit(nil, partitionKey, c)
		got, err := decodeCommit(encoded, partitionKey)
		require.NoError(t, err)
		require.Equal(t, c, got)
		clear(encoded) // the database does this to what it lent
		require.Equal(t, c, got)
	})
}

func TestCommitsOfUsualIDsAreShort(t *testing.T) {
	c := commit{offset: 1 << 40, digest: strings.Repeat("0af1", 8), written: []Written{
		{ID: "acme", First: 7, Last: 7}, {ID: "acme/" + someID, First: 100, Last: 101},
	}}
	require.Len(t, appendCommit(nil, "acme", c), 6+17+(1+2)+(17+2))
}

// FuzzDecodeCommit: whatever stands in the index is a commit that comes back, or a plain error.
func FuzzDecodeCommit(f *testing.F) {
	written := []Written{{ID: "a"}, {ID: "a/b", First: 1, Last: 2}}
	f.Add(appendCommit(nil, "a", commit{offset: 7, digest: "d", written: written}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		c, err := decodeCommit(value, "a")
		if err != nil {
			require.ErrorIs(t, err, errBroken)
			return
		}
		again, err := decodeCommit(appendCommit(nil, "a", c), "a")
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

// FuzzDecodeRecord: whatever stands in the index is a record or a plain error, and costs no more
// than its size.
func FuzzDecodeRecord(f *testing.F) {
	r := sample()
	f.Add(appendRecord(nil, &r))
	r.Commit.Several = true
	f.Add(appendRecord(nil, &r))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decodeRecord(value)
		if err != nil {
			require.ErrorIs(t, err, errBroken)
			return
		}
		again, err := decodeRecord(appendRecord(nil, &r))
		require.NoError(t, err)
		require.Equal(t, r.ID, again.ID)
		require.Equal(t, r.Value, again.Value)
		require.Equal(t, r.Commit, again.Commit)
	})
}
