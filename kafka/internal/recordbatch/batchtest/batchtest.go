// Package batchtest writes record batches as they lie in a log, for tests. It never checks what it
// writes. Its functions may be called by any number of goroutines.
package batchtest

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"time"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Encode returns the bytes of the batch, with its records compressed by its codec.
func Encode(b *sarama.RecordBatch) []byte {
	var raw []byte
	for _, r := range b.Records {
		raw = AppendRecord(raw, r)
	}
	return Frame(b, len(b.Records), Compress(b.Codec, raw))
}

// Frame returns the bytes of the batch, with the given count of records and the given bytes as its
// records.
func Frame(b *sarama.RecordBatch, count int, records []byte) []byte {
	attributes := uint16(b.Codec)
	for bit, set := range map[uint16]bool{0x08: b.LogAppendTime, 0x10: b.IsTransactional, 0x20: b.Control} {
		if set {
			attributes |= bit
		}
	}
	body := binary.BigEndian.AppendUint16(nil, attributes)
	body = binary.BigEndian.AppendUint32(body, uint32(b.LastOffsetDelta))
	body = binary.BigEndian.AppendUint64(body, uint64(millis(b.FirstTimestamp)))
	body = binary.BigEndian.AppendUint64(body, uint64(millis(b.MaxTimestamp)))
	body = binary.BigEndian.AppendUint64(body, uint64(b.ProducerID))
	body = binary.BigEndian.AppendUint16(body, uint16(b.ProducerEpoch))
	body = binary.BigEndian.AppendUint32(body, uint32(b.FirstSequence))
	body = binary.BigEndian.AppendUint32(body, uint32(count))
	body = append(body, records...)
	all := binary.BigEndian.AppendUint64(nil, uint64(b.FirstOffset))
	all = binary.BigEndian.AppendUint32(all, uint32(len(body)+9))
	all = binary.BigEndian.AppendUint32(all, uint32(b.PartitionLeaderEpoch))
	all = append(all, 2)
	all = binary.BigEndian.AppendUint32(all, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return append(all, body...)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

// AppendRecord appends the record with its length.
func AppendRecord(to []byte, r *sarama.Record) []byte {
	b := []byte{byte(r.Attributes)}
	b = binary.AppendVarint(b, r.TimestampDelta.Milliseconds())
	b = binary.AppendVarint(b, r.OffsetDelta)
	b = appendBytes(appendBytes(b, r.Key), r.Value)
	b = binary.AppendVarint(b, int64(len(r.Headers)))
	for _, h := range r.Headers {
		b = appendBytes(appendBytes(b, h.Key), h.Value)
	}
	return append(binary.AppendVarint(to, int64(len(b))), b...)
}

func appendBytes(to, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(to, -1)
	}
	return append(binary.AppendVarint(to, int64(len(b))), b...)
}

// Compress returns raw, compressed by a codec. It panics if a compressor fails, which never happens
// in memory.
func Compress(codec sarama.CompressionCodec, raw []byte) []byte {
	var to bytes.Buffer
	var w io.WriteCloser
	switch codec {
	case sarama.CompressionGZIP:
		w = gzip.NewWriter(&to)
	case sarama.CompressionSnappy:
		return xerial.Encode(nil, raw)
	case sarama.CompressionLZ4:
		w = lz4.NewWriter(&to)
	case sarama.CompressionZSTD:
		z, err := zstd.NewWriter(&to, zstd.WithEncoderConcurrency(1))
		must(err)
		w = z
	default:
		return raw
	}
	_, err := w.Write(raw)
	must(err)
	must(w.Close())
	return to.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
