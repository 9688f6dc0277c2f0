package recordbatch

import (
	"hash/crc32"
	"io"
)

// ReadLarge reads the one batch that begins a stream of so many bytes, and keeps none of its
// records: the batch is larger than a reader keeps. It reads its checksum over all of it. [Decoder]
// refuses the batch with [ErrTooLarge]. It returns no batch if the stream is shorter than the
// batch.
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
