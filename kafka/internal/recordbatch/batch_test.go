package recordbatch_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch/batchtest"
)

var codecs = []sarama.CompressionCodec{
	sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4,
	sarama.CompressionZSTD,
}

// sample returns a batch of n records as this library writes them.
func sample(codec sarama.CompressionCodec, n int) *sarama.RecordBatch {
	b := &sarama.RecordBatch{
		Version: 2, Codec: codec, FirstOffset: 42, PartitionLeaderEpoch: 7, LastOffsetDelta: int32(n - 1),
		ProducerID: 4711, ProducerEpoch: 3,
		FirstSequence: 9, FirstTimestamp: time.UnixMilli(1_700_000_000_000),
		MaxTimestamp: time.UnixMilli(1_700_000_000_009),
	}
	for i := range n {
		r := &sarama.Record{
			OffsetDelta: int64(i), TimestampDelta: time.Duration(i%3) * time.Millisecond,
			Key:   fmt.Appendf(nil, "account-%d", i),
			Value: bytes.Repeat(fmt.Appendf(nil, "%d,", i), 100),
		}
		for h := range 12 {
			r.Headers = append(r.Headers,
				&sarama.RecordHeader{Key: fmt.Appendf(nil, "header%d", h), Value: fmt.Appendf(nil, "%d-%d", i, h)})
		}
		b.Records = append(b.Records, r)
	}
	return b
}

func TestEveryCodec(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.String(), func(t *testing.T) {
			want := sample(codec, 60)
			data := append(batchtest.Encode(want), batchtest.Encode(want)...)
			found, err := recordbatch.Parse(append(data, data[:100]...)) // the last one is cut off
			require.NoError(t, err)
			require.Len(t, found, 2)
			b := &found[1]
			require.Equal(t, want.LastOffset(), b.LastOffset())
			require.Equal(t, []any{
				want.FirstOffset, want.ProducerID, want.ProducerEpoch, want.FirstSequence,
				want.PartitionLeaderEpoch, codec,
			},
				[]any{b.FirstOffset, b.ProducerID, b.ProducerEpoch, b.FirstSequence, b.PartitionLeaderEpoch, b.Codec})
			require.Equal(t, []int64{want.FirstTimestamp.UnixMilli(), want.MaxTimestamp.UnixMilli()},
				[]int64{b.FirstTimestamp, b.MaxTimestamp})
			require.Equal(t, int64(len(data)/2), b.Size)
			require.Equal(t, int32(60), b.Count)
			var d recordbatch.Decoder
			for range 3 {
				first, err := d.Records(&found[0])
				require.NoError(t, err)
				second, err := d.Records(b)
				require.NoError(t, err)
				for i, r := range want.Records {
					require.Equal(t, *r, first[i])
					require.Equal(t, *r, second[i])
				}
				d.Reset()
			}
		})
	}
}

// Programs write frames of LZ4 in many ways. All are read; a damaged one is refused, and never read
// as something else.
func TestFramesOfLZ4(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	noise := make([]byte, 200<<10)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for name, size := range map[string]int{"small": 100, "a block": 64 << 10, "blocks": 300 << 10} {
		for kind, value := range map[string][]byte{
			"text": bytes.Repeat([]byte("event "), size/6), "noise": noise[:min(size, len(noise))],
		} {
			want := sample(sarama.CompressionLZ4, 3)
			want.Records[1].Value = value
			var plain []byte
			for _, r := range want.Records {
				plain = batchtest.AppendRecord(plain, r)
			}
			for _, block := range []lz4.BlockSize{lz4.Block64Kb, lz4.Block256Kb, lz4.Block4Mb} {
				for _, sums := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s of %s in %d with sums %t", name, kind, block, sums), func(t *testing.T) {
						var frame bytes.Buffer
						w := lz4.NewWriter(&frame)
						require.NoError(t, w.Apply(lz4.BlockSizeOption(block), lz4.ChecksumOption(sums),
							lz4.BlockChecksumOption(sums)))
						_, err := w.Write(plain)
						require.NoError(t, err)
						require.NoError(t, w.Close())
						decode := func(frame []byte) ([]sarama.Record, error) {
							found, err := recordbatch.Parse(batchtest.Frame(want, 3, frame))
							require.NoError(t, err)
							return new(recordbatch.Decoder).Records(&found[0])
						}
						got, err := decode(frame.Bytes())
						require.NoError(t, err)
						for i, r := range want.Records {
							require.True(t, same(&got[i], r), "record %d", i)
						}
						for _, cut := range []int{1, 4, 5, frame.Len() / 2, frame.Len() - 7, frame.Len() - 8} {
							_, err := decode(frame.Bytes()[:frame.Len()-cut])
							require.ErrorIs(t, err, recordbatch.ErrRecords, "%d bytes cut off", cut)
						}
					})
				}
			}
		}
	}
}

// A small batch needs little room, in this package and in others: a frame that announces blocks of
// megabytes makes every reader have one.
func TestSmallBatches(t *testing.T) {
	var records []byte
	for _, r := range sample(sarama.CompressionLZ4, 3).Records {
		records = batchtest.AppendRecord(records, r)
	}
	header := recordbatch.Header{Codec: sarama.CompressionLZ4, LastOffsetDelta: 2, Count: 3}
	data, err := recordbatch.Append(nil, header, records)
	require.NoError(t, err)
	require.Less(t, allocatedBy(func() {
		found, err := recordbatch.Parse(data)
		require.NoError(t, err)
		got, err := new(recordbatch.Decoder).Records(&found[0])
		require.NoError(t, err)
		require.Len(t, got, 3)
	}), uint64(64<<10))
	const blocks = 64 << 10
	require.Less(t, allocatedBy(func() {
		_, err := io.ReadAll(lz4.NewReader(bytes.NewReader(data[recordbatch.HeaderBytes:])))
		require.NoError(t, err)
	}), uint64(4*blocks))
}

// mostTries bounds what is allocated for a bomb, in multiples of the largest room. It includes the
// rooms before the largest one, and those of a decompressor.
const mostTries = 6

// A foreign program may have compressed anything into a batch. It makes no reader allocate more
// than the named bounds.
func TestBombs(t *testing.T) {
	for _, codec := range codecs[1:] {
		t.Run(codec.String(), func(t *testing.T) {
			b := sample(codec, 1)
			bomb, err := recordbatch.Parse(batchtest.Frame(b, 1, batchtest.Compress(codec, make([]byte, 64<<20))))
			require.NoError(t, err)
			allocated := allocatedBy(func() {
				_, err = new(recordbatch.Decoder).Records(&bomb[0])
			})
			require.ErrorIs(t, err, recordbatch.ErrTooLarge)
			t.Logf("%d KiB", allocated>>10)
			require.Less(t, allocated, uint64(mostTries*recordbatch.MaxBytes))
		})
	}
	t.Run("counts", func(t *testing.T) {
		b := sample(sarama.CompressionNone, 1)
		b.LastOffsetDelta = 1 << 30
		var err error
		found, parsed := recordbatch.Parse(batchtest.Frame(b, 1<<30, []byte("x")))
		require.NoError(t, parsed)
		require.Less(t, allocatedBy(func() { _, err = new(recordbatch.Decoder).Records(&found[0]) }), uint64(1<<20))
		require.ErrorIs(t, err, recordbatch.ErrTooLarge)
		found, parsed = recordbatch.Parse(batchtest.Frame(b, recordbatch.MaxRecords, []byte("x")))
		require.NoError(t, parsed)
		require.Less(t, allocatedBy(func() { _, err = new(recordbatch.Decoder).Records(&found[0]) }), uint64(1<<20))
		require.ErrorIs(t, err, recordbatch.ErrRecords)
	})
	t.Run("headers", func(t *testing.T) {
		b := sample(sarama.CompressionNone, 1)
		none := &sarama.RecordHeader{Key: []byte{}, Value: []byte{}}
		for range recordbatch.MaxHeaders {
			b.Records[0].Headers = append(b.Records[0].Headers, none)
		}
		found, err := recordbatch.Parse(batchtest.Encode(b))
		require.NoError(t, err)
		require.Less(t, allocatedBy(func() { _, err = new(recordbatch.Decoder).Records(&found[0]) }), uint64(1<<20))
		require.ErrorIs(t, err, recordbatch.ErrTooLarge)
	})
}

func allocatedBy(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestMalformed(t *testing.T) {
	good := batchtest.Encode(sample(sarama.CompressionNone, 3))
	with := func(at int, b byte) []byte {
		data := bytes.Clone(good)
		data[at] = b
		return append(bytes.Clone(good), data...)
	}
	for name, c := range map[string]struct {
		data []byte
		err  error
	}{
		"old format":  {with(16, 1), recordbatch.ErrOldFormat},
		"new format":  {with(16, 3), recordbatch.ErrHeader},
		"short":       {with(11, 1), nil}, // in fact too long, and so cut off
		"a bit flips": {with(100, good[100]^1), recordbatch.ErrChecksum},
		"offset":      {with(0, 0x80), recordbatch.ErrHeader},
	} {
		t.Run(name, func(t *testing.T) {
			if c.err == nil {
				c.data[len(good)+8], c.data[len(good)+9] = 0x7f, 0xff
			}
			found, err := recordbatch.Parse(c.data)
			require.Len(t, found, 1)
			require.ErrorIs(t, err, c.err)
		})
	}
	short := bytes.Clone(good)
	short[8], short[9], short[10], short[11] = 0, 0, 0, 10
	_, err := recordbatch.Parse(short)
	require.ErrorIs(t, err, recordbatch.ErrHeader)
}

func TestReadLarge(t *testing.T) {
	want := sample(sarama.CompressionNone, 1)
	want.Records[0].Value = make([]byte, 32<<20)
	data := batchtest.Encode(want)
	data = append(data, "more"...)
	var b *recordbatch.Batch
	var err error
	from := bytes.NewReader(data)
	require.Less(t, allocatedBy(func() { b, err = recordbatch.ReadLarge(from, int64(len(data))) }), uint64(1<<20))
	require.NoError(t, err)
	require.Zero(t, from.Len())
	require.Equal(t, want.ProducerID, b.ProducerID)
	_, err = new(recordbatch.Decoder).Records(b)
	require.ErrorIs(t, err, recordbatch.ErrTooLarge)
	data[1000]++
	_, err = recordbatch.ReadLarge(bytes.NewReader(data), int64(len(data)))
	require.ErrorIs(t, err, recordbatch.ErrChecksum)
	_, err = recordbatch.ReadLarge(bytes.NewReader(data[:500]), int64(len(data)))
	require.ErrorIs(t, err, io.EOF)
}
