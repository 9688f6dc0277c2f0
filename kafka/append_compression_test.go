package kafka_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// The largest commits fit with every codec. A store reads what was written before with another
// codec.
func TestAppend_compressed(t *testing.T) {
	_, cfg := fake(t)
	testCompressions(t, cfg)
}

func testCompressions(t *testing.T, cfg kafka.Config) {
	random := rand.NewChaCha8([32]byte{})
	var want []string
	for i, codec := range []topics.Compression{
		topics.LZ4, topics.Uncompressed, topics.GZIP, topics.Snappy, topics.ZSTD,
	} {
		own := cfg
		own.Topics.Compression, own.Topics.Prefix = codec, cfg.Topics.Prefix+named("codec", i)
		create(t, own)
		found, err := topics.Check(t.Context(), own.Connection, own.Topics)
		require.NoError(t, err)
		require.Empty(t, found[0].Differences)
		s := open(t, own)
		add(t, s, "a", 1)
		require.Equal(t, onWire()[codec], codecAt(t, own, positionOf(t, s, "a", 1)), codec)
		require.NoError(t, s.Close())

		cfg.Topics.Compression = codec
		cfg.Topics.ProviderSettings = []string{"compression.type"} // the topic keeps the setting that it had
		s = open(t, cfg)
		want = append(want, add(t, s, "a", 3)...)
		large := records(1, "")
		large[0].Value = make([]byte, eventstore.MaxCommitBytes-eventstore.Size(large[0])+len(large[0].Value))
		_, _ = random.Read(large[0].Value)
		_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, large...))
		require.NoError(t, err)
		want = append(want, large[0].ID)
		require.NoError(t, s.Close())

		again := open(t, cfg) // with an empty index
		require.Equal(t, want, ids(t, again, "a"), codec)
		read := 0
		for _, err := range again.ReadCategory(t.Context(), category, eventstore.Beginning()) {
			require.NoError(t, err)
			read++
		}
		require.Len(t, want, read)
		require.NoError(t, again.Close())
	}
	cfg.Topics.Compression = "lzma"
	_, err := kafka.Open(t.Context(), cfg)
	require.ErrorContains(t, err, `Compression is "lzma", expected one of uncompressed, gzip, snappy, lz4, zstd`)
}

// onWire are the numbers of the codecs in a batch's attributes.
func onWire() map[topics.Compression]uint8 {
	return map[topics.Compression]uint8{
		topics.Uncompressed: 0, topics.GZIP: 1, topics.Snappy: 2, topics.LZ4: 3, topics.ZSTD: 4,
	}
}

// codecAt returns the codec of the batch that holds an offset, as it lies in the topic.
func codecAt(t testing.TB, cfg kafka.Config, offset int64) uint8 {
	t.Helper()
	return asStored(t, cfg, offset).Attrs.CompressionType()
}

// positionOf returns the offset of a stream's event by its version.
func positionOf(t testing.TB, s *kafka.Store, id string, version int64) int64 {
	t.Helper()
	for r, err := range s.ReadStream(t.Context(), stream(id), version) {
		require.NoError(t, err)
		return r.Position.Offset
	}
	require.Fail(t, "no such version")
	return 0
}
