package topics

import "slices"

// Compression is a codec of record batches, by the name that Kafka's topic setting compression.type
// has for it.
type Compression string

// The codecs.
const (
	Uncompressed Compression = "uncompressed"
	GZIP         Compression = "gzip"
	Snappy       Compression = "snappy"
	LZ4          Compression = "lz4"
	ZSTD         Compression = "zstd"
)

// Compressions returns the names of all codecs.
func Compressions() []string {
	return []string{string(Uncompressed), string(GZIP), string(Snappy), string(LZ4), string(ZSTD)}
}

func (c Compression) known() bool { return slices.Contains(Compressions(), string(c)) }
