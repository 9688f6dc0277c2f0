package recordbatch

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
)

// Compressors hold tables that are costly to make.
//
//nolint:gochecknoglobals // pools are shared
var (
	snappyBuffers   = sync.Pool{New: func() any { return new([]byte) }}
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
		return appendSnappy(b, records), nil
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

func appendSnappy(b, records []byte) []byte {
	buffer := snappyBuffers.Get().(*[]byte) // a frame stands at the beginning of what Encode appends to
	defer snappyBuffers.Put(buffer)
	*buffer = xerial.Encode((*buffer)[:0], records)
	return append(b, *buffer...)
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
