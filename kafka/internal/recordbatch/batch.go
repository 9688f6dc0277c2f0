package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/IBM/sarama"
)

// HeaderBytes is the length of a batch without its records:
// org.apache.kafka.common.record.DefaultRecordBatch.
const HeaderBytes = 61

// The places at which the fields of the header begin.
const (
	atLength     = 8
	atEpoch      = 12
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21 // the checksum covers everything from here on
	atLastDelta  = 23
	atFirstTime  = 27
	atMaxTime    = 35
	atProducer   = 43
	atProducerEp = 51
	atSequence   = 53
	atCount      = 57
)

const (
	beforeLength = atLength + 4 // the length counts what follows it
	magic        = 2
)

// The bits of the attributes.
const (
	codecMask     = 0x07
	logAppendMask = 0x08
	transactional = 0x10
	control       = 0x20
)

// Batch is one record batch. It holds its records as they lie in the log, mostly compressed.
type Batch struct {
	FirstOffset          int64
	LastOffsetDelta      int32 // of the last record that it had when it was written
	PartitionLeaderEpoch int32
	CRC                  uint32
	Codec                sarama.CompressionCodec
	LogAppendTime        bool
	IsTransactional      bool
	Control              bool
	FirstTimestamp       int64 // in milliseconds since 1970
	MaxTimestamp         int64 // in milliseconds since 1970
	ProducerID           int64
	ProducerEpoch        int16
	FirstSequence        int32
	Count                int32 // of its records; fewer than its offsets if the topic was compacted
	Size                 int64 // in bytes, with the header

	records []byte
	left    bool // the records were not kept, as they have too many bytes
}

// LastOffset returns the offset of the last record that the batch had when it was written.
func (b *Batch) LastOffset() int64 { return b.FirstOffset + int64(b.LastOffsetDelta) }

// The reasons why bytes are no batch. A *[MalformedError] wraps one of them.
var (
	ErrOldFormat = errors.New("a message set of the format before Kafka 0.11")
	ErrChecksum  = errors.New("the checksum is wrong")
	ErrHeader    = errors.New("the header is not plausible")
	ErrRecords   = errors.New("the records cannot be decoded")
	ErrTooLarge  = errors.New("the batch is larger than this library reads")
)

// MalformedError says that bytes of a log are not a batch that this package reads.
type MalformedError struct {
	Offset int64  // of the batch's first record
	Found  string // what was found and what was expected
	Err    error  // one of the errors above
}

// Error says what was found.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("batch at offset %d: %v: %s", e.Offset, e.Err, e.Found)
}

// Unwrap returns one of the package's errors.
func (e *MalformedError) Unwrap() error { return e.Err }

// Parse returns the batches in the bytes of a log. If the last one is cut off, Parse leaves it out.
// The batches refer to data. If a batch is malformed, Parse returns those before it and a
// *[MalformedError].
func Parse(data []byte) ([]Batch, error) {
	var batches []Batch
	for len(data) > 0 {
		size, err := SizeOf(data)
		if err != nil {
			return batches, err
		}
		if size == 0 || size > int64(len(data)) {
			break
		}
		if batches == nil {
			batches = make([]Batch, 0, min(int64(len(data))/size, guessedBatches))
		}
		batches = append(batches, Batch{})
		b := &batches[len(batches)-1]
		if err = b.header(data); err == nil {
			err = b.checksum(crc32.Checksum(data[atAttributes:size], castagnoli()))
		}
		if err != nil {
			return batches[:len(batches)-1], err
		}
		b.records = data[HeaderBytes:size:size]
		data = data[size:]
	}
	return batches, nil
}

// guessedBatches bounds the room that Parse makes for batches before it has seen them.
const guessedBatches = 1_000

// SizeOf returns the length of the batch at the beginning of data, or 0 if data is too short to
// say.
func SizeOf(data []byte) (int64, error) {
	if len(data) <= atMagic {
		return 0, nil
	}
	offset := int64(binary.BigEndian.Uint64(data))
	if found := data[atMagic]; found < magic {
		return 0, &MalformedError{
			Offset: offset, Err: ErrOldFormat,
			Found: fmt.Sprintf("magic %d, expected %d", found, magic),
		}
	} else if found > magic {
		return 0, &MalformedError{
			Offset: offset, Err: ErrHeader,
			Found: fmt.Sprintf("magic %d, expected %d", found, magic),
		}
	}
	length := int32(binary.BigEndian.Uint32(data[atLength:]))
	size := int64(length) + beforeLength
	if size < HeaderBytes {
		return 0, &MalformedError{
			Offset: offset, Err: ErrHeader,
			Found: fmt.Sprintf("length %d, expected %d or more", length, HeaderBytes-beforeLength),
		}
	}
	return size, nil
}

// header reads the header at the beginning of data. SizeOf must have accepted data.
func (b *Batch) header(data []byte) error {
	attributes := binary.BigEndian.Uint16(data[atAttributes:])
	*b = Batch{
		FirstOffset:          int64(binary.BigEndian.Uint64(data)),
		LastOffsetDelta:      int32(binary.BigEndian.Uint32(data[atLastDelta:])),
		PartitionLeaderEpoch: int32(binary.BigEndian.Uint32(data[atEpoch:])),
		CRC:                  binary.BigEndian.Uint32(data[atCRC:]),
		Codec:                sarama.CompressionCodec(attributes & codecMask),
		LogAppendTime:        attributes&logAppendMask != 0,
		IsTransactional:      attributes&transactional != 0,
		Control:              attributes&control != 0,
		FirstTimestamp:       int64(binary.BigEndian.Uint64(data[atFirstTime:])),
		MaxTimestamp:         int64(binary.BigEndian.Uint64(data[atMaxTime:])),
		ProducerID:           int64(binary.BigEndian.Uint64(data[atProducer:])),
		ProducerEpoch:        int16(binary.BigEndian.Uint16(data[atProducerEp:])),
		FirstSequence:        int32(binary.BigEndian.Uint32(data[atSequence:])),
		Count:                int32(binary.BigEndian.Uint32(data[atCount:])),
		Size:                 int64(binary.BigEndian.Uint32(data[atLength:])) + beforeLength,
	}
	if b.FirstOffset < 0 || b.LastOffsetDelta < 0 || b.LastOffset() < b.FirstOffset ||
		b.Count < 0 || int64(b.Count) > int64(b.LastOffsetDelta)+1 {
		return &MalformedError{Offset: b.FirstOffset, Err: ErrHeader, Found: fmt.Sprintf(
			"%d records at %d offsets, expected as many at most", b.Count, int64(b.LastOffsetDelta)+1)}
	}
	return nil
}

func (b *Batch) checksum(found uint32) error {
	if found == b.CRC {
		return nil
	}
	return &MalformedError{
		Offset: b.FirstOffset, Err: ErrChecksum,
		Found: fmt.Sprintf("%08x, expected %08x", found, b.CRC),
	}
}

// castagnoli returns the table of CRC-32C, which the standard library makes once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
