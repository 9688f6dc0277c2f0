package kafka

import (
	"strings"

	"github.com/IBM/sarama"
)

// Compression is a codec of record batches, by the name that Kafka's topic setting compression.type
// has for it.
type Compression string

// The codecs.
const (
	CompressionNone   Compression = "uncompressed"
	CompressionGZIP   Compression = "gzip"
	CompressionSnappy Compression = "snappy"
	CompressionLZ4    Compression = "lz4"
	CompressionZSTD   Compression = "zstd"
)

// codecs returns all of them, in the order of their numbers on the wire.
func codecs() []Compression {
	return []Compression{CompressionNone, CompressionGZIP, CompressionSnappy, CompressionLZ4, CompressionZSTD}
}

func compressions() string {
	var names []string
	for _, c := range codecs() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

func (c Compression) known() bool { return c.number() >= 0 }

// codec returns Sarama's name of a codec that is known.
func (c Compression) codec() sarama.CompressionCodec { return sarama.CompressionCodec(c.number()) }

func (c Compression) number() int {
	for i, known := range codecs() {
		if c == known {
			return i
		}
	}
	return -1
}
