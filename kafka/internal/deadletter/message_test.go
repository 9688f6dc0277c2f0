package deadletter_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
	"github.com/fencelog/fencelog/kafka/internal/deadletter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stored returns the record that a message becomes.
func stored(t require.TestingT, m *sarama.ProducerMessage) *sarama.Record {
	r := &sarama.Record{}
	var err error
	r.Key, err = m.Key.Encode()
	require.NoError(t, err)
	if m.Value != nil {
		r.Value, err = m.Value.Encode()
		require.NoError(t, err)
	}
	for i := range m.Headers {
		r.Headers = append(r.Headers, &m.Headers[i])
	}
	return r
}

// The headers of an event come back byte for byte, whatever their names are. They may also have the
// names of this package.
func TestEntriesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			return time.Unix(rapid.Int64Range(0, 9_000_000_000).Draw(t, "s"),
				rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		})
		name := rapid.OneOf(rapid.SampledFrom([]string{
			"deadLetter.kind", "deadLetter.headers", "deadLetter.offset",
			"eventId",
		}), rapid.String())
		e := letters.Entry{
			LetterID: subscription.LetterID{
				Handler: rapid.StringN(1, 9, -1).Draw(t, "handler"), Topic: rapid.StringN(1, 9, -1).Draw(t, "topic"),
				Partition: rapid.Int32Min(0).Draw(t, "partition"), Offset: rapid.Int64Min(0).Draw(t, "offset"),
			},
			Kind: rapid.SampledFrom([]letters.Kind{
				"dead", "waiting", "redrive", "failed", "handled",
				"discarded",
			}).Draw(t, "kind"),
			At:       moment.Draw(t, "at"),
			Attempts: int(rapid.Int32Min(0).Draw(t, "attempts")),
			First:    moment.Draw(t, "first"),
			Last:     moment.Draw(t, "last"),
			Note:     rapid.String().Draw(t, "note"),
			Key:      rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "key"),
			Value:    rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "value"),

			Order: rapid.SampledFrom([]subscription.Order{
				subscription.ByStream, subscription.ByPartitionKey,
			}).Draw(t, "order"),
		}
		e.PartitionKey = rapid.OneOf(rapid.Just(string(e.Key)), rapid.StringN(1, 9, -1)).Draw(t, "partition key")
		for range rapid.IntRange(0, 4).Draw(t, "headers") {
			e.Headers = append(e.Headers, subscription.Header{
				Name: name.Draw(t, "name"), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "header"),
			})
		}
		got, err := deadletter.Decode(stored(t, deadletter.Message(&e, "topic")))
		require.NoError(t, err)
		if len(e.Headers) == 0 {
			got.Headers = nil
		}
		require.Equal(t, e.Keys(), got.Keys())
		got.PartitionKey = e.PartitionKey
		require.Equal(t, e, got)
	})
}

// An order that this release does not know says so, as nobody knows whose events the letter holds
// up.
func TestDecode_anotherOrder(t *testing.T) {
	t.Parallel()
	e := letters.Entry{LetterID: subscription.LetterID{Handler: "h", Topic: "t"}, Kind: letters.Dead, Key: []byte("k")}
	e.Order = subscription.ByPartitionKey
	r := stored(t, deadletter.Message(&e, "topic"))
	for _, h := range r.Headers {
		if string(h.Key) == "deadLetter.order" {
			h.Value = []byte("by-luck")
		}
	}
	_, err := deadletter.Decode(r)
	require.EqualError(t, err, `header deadLetter.order: order "by-luck": expected by-stream or by-partition-key`)
}

func TestLongNotesAreCut(t *testing.T) {
	t.Parallel()
	e := letters.Entry{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t"}, Kind: letters.Failed,
		Note: strings.Repeat("é", 1<<20),
	}
	got, err := deadletter.Decode(stored(t, deadletter.Message(&e, "topic")))
	require.NoError(t, err)
	require.Less(t, len(got.Note), 9<<10)
	require.True(t, utf8.ValidString(got.Note))
}

// FuzzDecode checks that any record of the topic is an entry that can be written back, or gives a
// plain error.
func FuzzDecode(f *testing.F) {
	e := letters.Entry{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t"}, Kind: letters.Dead, Key: []byte("k"),
		Value: []byte("v"),
	}
	var seed bytes.Buffer
	for _, h := range stored(f, deadletter.Message(&e, "topic")).Headers {
		seed.WriteString(string(h.Key) + "\n" + string(h.Value) + "\n")
	}
	f.Add([]byte("k"), seed.Bytes())
	f.Add([]byte(nil), []byte("deadLetter.headers\n-1\n"))
	f.Fuzz(func(t *testing.T, key, headers []byte) {
		raw := &sarama.Record{Key: key, Value: []byte{1}}
		lines := bytes.Split(headers, []byte("\n"))
		for i := 0; i+1 < len(lines); i += 2 {
			raw.Headers = append(raw.Headers, &sarama.RecordHeader{Key: lines[i], Value: lines[i+1]})
		}
		e, err := deadletter.Decode(raw)
		if err != nil {
			return
		}
		p := letters.NewParked(e.Order)
		p.Apply(&e)
		again, err := deadletter.Decode(stored(t, deadletter.Message(&e, "topic")))
		require.NoError(t, err)
		require.Equal(t, e.LetterID, again.LetterID)
		require.Equal(t, e.Kind, again.Kind)
		require.Len(t, again.Headers, len(e.Headers))
	})
}
