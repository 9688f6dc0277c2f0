package recordbatch

import (
	"hash/crc32"
	"io"
)

// ReadLarge reads the batch at the beginning of a stream of so many bytes. The batch is larger than
// a reader keeps, so ReadLarge keeps none of its records. It checks the checksum over the whole
// batch. [Decoder] refuses the batch with [ErrTooLarge]. If the stream is shorter than the batch,
// ReadLarge returns no batch.
func ReadLarge(from io.Reader, length int64) (*Batch, error) {
	var head [HeaderBytes]byte
	if length < HeaderBytes {
		return nil, drop(from, length)
	}
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	size, err := SizeOf(head[:])
	if err != nil {
		return nil, err
	}
	if size > length {
		return nil, drop(from, length-HeaderBytes)
	}
	b := new(Batch)
	if err := b.header(head[:]); err != nil {
		return nil, err
	}
	sum := crc32.New(castagnoli())
	_, _ = sum.Write(head[atAttributes:]) // never fails
	if _, err := io.CopyN(sum, from, size-HeaderBytes); err != nil {
		return nil, err
	}
	b.left = true
	if err := b.checksum(sum.Sum32()); err != nil {
		return nil, err
	}
	return b, drop(from, length-size)
}

// drop reads so many bytes.
func drop(from io.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, from, n)
	return err
}
