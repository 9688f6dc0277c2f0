package kafka

import (
	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/topics"
)

// codecOf returns Sarama's name of a known codec.
func codecOf(c topics.Compression) sarama.CompressionCodec {
	switch c {
	case topics.GZIP:
		return sarama.CompressionGZIP
	case topics.Snappy:
		return sarama.CompressionSnappy
	case topics.LZ4:
		return sarama.CompressionLZ4
	case topics.ZSTD:
		return sarama.CompressionZSTD
	case topics.Uncompressed:
	}
	return sarama.CompressionNone
}
