package recordbatch_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch/batchtest"
)

// answering is a broker that answers every fetch with the same batches.
type answering struct{ data []byte }

// Dial is what Sarama calls.
func (a answering) Dial(string, string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		var head [12]byte
		for {
			if _, err := io.ReadFull(theirs, head[:]); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, theirs, int64(binary.BigEndian.Uint32(head[:]))-8); err != nil {
				return
			}
			if _, err := theirs.Write(fetchAnswer(head[8:], a.data)); err != nil {
				return
			}
		}
	}()
	return mine, nil
}

func fetchAnswer(correlation, data []byte) []byte {
	b := append(make([]byte, 4), correlation...)
	b = append(b, make([]byte, 4+2+4)...)                   // throttle time, error, session
	b = append(b, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1)        // one topic, t, of one partition
	b = append(b, make([]byte, 4+2+3*8)...)                 // partition, error, offsets
	b = append(b, 255, 255, 255, 255, 255, 255, 255, 255)   // no aborted transactions, no nearer replica
	b = binary.BigEndian.AppendUint32(b, uint32(len(data))) // batches
	b = append(b, data...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// bySarama returns a function that lets Sarama decode the batches.
func bySarama(t testing.TB, data []byte) (decode func() (*sarama.FetchResponse, error)) {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.ApiVersionsRequest = false
	config.Net.Proxy.Enable, config.Net.Proxy.Dialer = true, answering{data}
	b := sarama.NewBroker("broker:1")
	require.NoError(t, b.Open(config))
	t.Cleanup(func() { _ = b.Close() })
	return func() (*sarama.FetchResponse, error) {
		r := &sarama.FetchRequest{Version: 11, MaxBytes: 1 << 20}
		r.AddBlock("t", 0, 0, 1<<20, -1)
		return b.Fetch(r)
	}
}

// A log may hold any bytes. A Decoder allocates no more than the bounds allow, and decodes the same
// records as Sarama.
func FuzzForeignBatch(f *testing.F) {
	for _, codec := range codecs {
		b := sample(codec, 3)
		f.Add(byte(codec), int32(3), int32(2), batchtest.Encode(b)[recordbatch.HeaderBytes:])
		f.Add(byte(codec), int32(1), int32(0), batchtest.Compress(codec, make([]byte, 4<<10)))
	}
	f.Add(byte(7), int32(1<<30), int32(1<<30), []byte("x"))
	f.Fuzz(func(t *testing.T, codec byte, count, lastDelta int32, records []byte) {
		frame := sample(sarama.CompressionCodec(codec&7), 1)
		frame.LastOffsetDelta = lastDelta
		data := batchtest.Frame(frame, int(count), records)
		found, err := recordbatch.Parse(data)
		if err != nil {
			require.ErrorIs(t, err, recordbatch.ErrHeader)
			return
		}
		var mine []sarama.Record
		const most = mostTries*recordbatch.MaxBytes + recordbatch.MaxRecords*136 + recordbatch.MaxHeaders*2*64
		require.Less(t, allocatedBy(func() { mine, err = new(recordbatch.Decoder).Records(&found[0]) }), uint64(most))
		if err != nil {
			return
		}
		response, err := bySarama(t, data)()
		require.NoError(t, err)
		var theirs []*sarama.Record
		if sets := response.GetBlock("t", 0).RecordsSet; len(sets) > 0 {
			theirs = sets[0].RecordBatch.Records
		}
		require.Len(t, theirs, len(mine))
		for i := range mine {
			require.True(t, same(&mine[i], theirs[i]), "record %d: %v, %v", i, mine[i], theirs[i])
		}
	})
}

func same(a, b *sarama.Record) bool {
	if a.OffsetDelta != b.OffsetDelta || a.TimestampDelta != b.TimestampDelta || a.Attributes != b.Attributes ||
		!bytes.Equal(a.Key, b.Key) || !bytes.Equal(a.Value, b.Value) || len(a.Headers) != len(b.Headers) {
		return false
	}
	for i := range a.Headers {
		if !bytes.Equal(a.Headers[i].Key, b.Headers[i].Key) || !bytes.Equal(a.Headers[i].Value, b.Headers[i].Value) {
			return false
		}
	}
	return true
}

func BenchmarkDecode(b *testing.B) {
	data := batchtest.Encode(sample(sarama.CompressionLZ4, 60))
	all := bytes.Repeat(data, 100)
	b.Run("sarama", func(b *testing.B) {
		decode := bySarama(b, all)
		b.ReportAllocs()
		for b.Loop() {
			_, err := decode()
			require.NoError(b, err)
		}
	})
	b.Run("recordbatch", func(b *testing.B) {
		b.ReportAllocs()
		var d recordbatch.Decoder
		for b.Loop() {
			found, err := recordbatch.Parse(all)
			require.NoError(b, err)
			for i := range found {
				_, err := d.Records(&found[i])
				require.NoError(b, err)
			}
			d.Reset()
		}
	})
}
