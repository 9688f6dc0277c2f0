package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compressors hold tables that are costly to make.
//
//nolint:gochecknoglobals // pools are shared
var (
	lz4Compressors  = sync.Pool{New: func() any { return new(lz4.Compressor) }}
	gzipCompressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	zstdCompressors = sync.Pool{New: newZstdCompressor}
)

// compress appends the records as the codec has them.
func compress(b []byte, codec sarama.CompressionCodec, records []byte) ([]byte, error) {
	switch codec {
	case sarama.CompressionNone:
		return append(b, records...), nil
	case sarama.CompressionLZ4:
		return appendLZ4(b, records)
	case sarama.CompressionGZIP:
		return appendGzip(b, records)
	case sarama.CompressionSnappy:
		return append(b, xerial.Encode(nil, records)...), nil
	case sarama.CompressionZSTD:
		c, ok := zstdCompressors.Get().(*zstd.Encoder)
		if !ok {
			return nil, fmt.Errorf("the compressor of %s cannot be made", codec)
		}
		defer zstdCompressors.Put(c)
		return c.EncodeAll(records, b), nil
	default:
		return nil, fmt.Errorf("compression codec %d is unknown", codec)
	}
}

func newZstdCompressor() any {
	c, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err // only an option can be wrong
	}
	return c
}

func appendGzip(b, records []byte) ([]byte, error) {
	w := gzipCompressors.Get().(*gzip.Writer)
	defer gzipCompressors.Put(w)
	to := bytes.NewBuffer(b)
	w.Reset(to)
	if _, err := w.Write(records); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return to.Bytes(), nil
}

// A frame of LZ4 begins with its magic number, its flags, the greatest size of its blocks, and a
// checksum of these two. The flags say that blocks are independent, and that there are no checksums
// of what follows: the batch has one.
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
const (
	lz4Header     = "\x04\x22\x4d\x18\x60\x70\x73"
	lz4BlockBytes = 4 << 20
	lz4Raw        = 1 << 31 // in the length of a block that is not compressed
	lz4LengthOf   = 4
)

func appendLZ4(b, records []byte) ([]byte, error) {
	c := lz4Compressors.Get().(*lz4.Compressor)
	defer lz4Compressors.Put(c)
	b = append(b, lz4Header...)
	for block := range slices.Chunk(records, lz4BlockBytes) {
		at := len(b)
		b = slices.Grow(b, lz4LengthOf+lz4.CompressBlockBound(len(block)))
		room := b[at+lz4LengthOf : cap(b)]
		n, err := c.CompressBlock(block, room)
		if err != nil {
			return nil, err
		}
		length := uint32(n)
		if n == 0 || n >= len(block) { // it does not become smaller
			n = copy(room, block)
			length = uint32(n) | lz4Raw
		}
		b = b[:at+lz4LengthOf+n]
		binary.LittleEndian.PutUint32(b[at:], length)
	}
	return binary.LittleEndian.AppendUint32(b, 0), nil // the end of the frame
}
