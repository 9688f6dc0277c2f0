package recordbatch

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/IBM/sarama"
)

// Header is what a batch says of its records when it is written. The batch is not transactional.
type Header struct {
	Codec           sarama.CompressionCodec
	LastOffsetDelta int32
	FirstTimestamp  int64 // in milliseconds since 1970
	MaxTimestamp    int64 // in milliseconds since 1970
	ProducerID      int64
	ProducerEpoch   int16
	FirstSequence   int32
	Count           int32
}

// Append appends a batch of these encoded records, which it compresses. The broker sets the offset
// and the leader's epoch. Append fails if the codec is unknown.
func Append(b []byte, h Header, records []byte) ([]byte, error) {
	begin := len(b)
	b = binary.BigEndian.AppendUint64(b, 0)
	b = binary.BigEndian.AppendUint32(b, 0)          // the length, see below
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // no leader's epoch
	b = append(b, magic)
	b = binary.BigEndian.AppendUint32(b, 0) // the checksum, see below
	b = binary.BigEndian.AppendUint16(b, uint16(h.Codec))
	b = binary.BigEndian.AppendUint32(b, uint32(h.LastOffsetDelta))
	b = binary.BigEndian.AppendUint64(b, uint64(h.FirstTimestamp))
	b = binary.BigEndian.AppendUint64(b, uint64(h.MaxTimestamp))
	b = binary.BigEndian.AppendUint64(b, uint64(h.ProducerID))
	b = binary.BigEndian.AppendUint16(b, uint16(h.ProducerEpoch))
	b = binary.BigEndian.AppendUint32(b, uint32(h.FirstSequence))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Count))
	b, err := compress(b, h.Codec, records)
	if err != nil {
		return nil, err
	}
	batch := b[begin:]
	binary.BigEndian.PutUint32(batch[atLength:], uint32(len(batch)-beforeLength))
	seal(batch)
	return b, nil
}

// Resequence gives an encoded batch another sequence number.
func Resequence(batch []byte, sequence int32) {
	binary.BigEndian.PutUint32(batch[atSequence:], uint32(sequence))
	seal(batch)
}

func seal(batch []byte) {
	binary.BigEndian.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], castagnoli()))
}
