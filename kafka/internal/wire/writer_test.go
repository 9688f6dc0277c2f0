package wire_test

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/eventstoretest"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// A batch as it is sent is read as the batch that Sarama would send, in every codec.
func TestWriter(t *testing.T) {
	t.Parallel()
	var w wire.Writer // for all of them, as its memory is used again
	rapid.Check(t, func(t *rapid.T) {
		codec := rapid.SampledFrom([]sarama.CompressionCodec{
			sarama.CompressionNone, sarama.CompressionLZ4, sarama.CompressionGZIP, sarama.CompressionSnappy,
			sarama.CompressionZSTD,
		}).Draw(t, "codec")
		term := index.Term{ProducerID: rapid.Int64Min(0).Draw(t, "producer"), Epoch: rapid.Int16Min(0).Draw(t, "epoch")}
		sequence := rapid.Int32Min(0).Draw(t, "sequence")
		stream, drawn := eventstoretest.DrawCommit(t, "Account")
		if eventstore.Check(eventstore.To(stream, eventstore.Any, drawn...), eventstore.WholeID) != nil {
			return
		}
		records := stored(stream, rapid.Int64Range(1, 1<<40).Draw(t, "first"), drawn)
		want := new(wire.Encoder).Batch(codec, term, sequence, records)
		b, err := w.Batch(codec, term, sequence, records)
		require.NoError(t, err)
		require.Equal(t, len(records), b.Records)
		require.Equal(t, wire.WrittenFingerprint(want, 7), b.Fingerprint(7))

		batches, err := recordbatch.Parse(b.Bytes)
		require.NoError(t, err)
		require.Len(t, batches, 1)
		found := &batches[0]
		require.Equal(t, int64(len(b.Bytes)), found.Size)
		n := int32(len(records))
		require.Equal(t, []any{codec, term.ProducerID, term.Epoch, sequence, n - 1, n}, []any{
			found.Codec, found.ProducerID, found.ProducerEpoch, found.FirstSequence, found.LastOffsetDelta,
			found.Count,
		})
		require.Equal(t, want.FirstTimestamp.UnixMilli(), found.FirstTimestamp)
		require.Equal(t, want.MaxTimestamp.UnixMilli(), found.MaxTimestamp)
		require.False(t, found.IsTransactional || found.Control || found.LogAppendTime)
		decoded, err := new(recordbatch.Decoder).Records(found)
		require.NoError(t, err)
		require.Len(t, decoded, len(records))
		for i := range decoded {
			w, d := want.Records[i], &decoded[i]
			require.Equal(t, []any{w.Attributes, w.TimestampDelta, w.OffsetDelta, w.Key, w.Value, len(w.Headers)},
				[]any{d.Attributes, d.TimestampDelta, d.OffsetDelta, d.Key, d.Value, len(d.Headers)})
			for i, h := range w.Headers {
				require.Equal(t, [2]string{string(h.Key), string(h.Value)},
					[2]string{string(d.Headers[i].Key), string(d.Headers[i].Value)})
			}
		}
		require.Equal(t, b.Fingerprint(0).Sum, wire.ReadFingerprint(found, decoded).Sum)

		b.Resequence(sequence / 2)
		batches, err = recordbatch.Parse(b.Bytes)
		require.NoError(t, err)
		require.Equal(t, sequence/2, batches[0].FirstSequence)
	})
}

func TestWriterRefusesAnUnknownCodec(t *testing.T) {
	t.Parallel()
	_, err := new(wire.Writer).Batch(99, index.NoTerm(), 0, []eventstore.Record{record()})
	require.ErrorContains(t, err, "compression codec 99 is unknown")
}

func BenchmarkWriter(b *testing.B) {
	records := someRecords()
	var w wire.Writer
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Batch(sarama.CompressionLZ4, index.NoTerm(), 1, records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/record")
}
