package recordbatch

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// A frame of LZ4 begins with its magic number, its flags, the greatest size of its blocks, and a
// checksum of these two. The flags say that blocks are independent, and that there are no checksums
// of what follows: the batch has one. Kafka's Java client writes the same frames, so readers are
// made for blocks of that size. https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
const (
	lz4Header     = "\x04\x22\x4d\x18\x60\x40\x82"
	lz4BlockBytes = 64 << 10
	lz4Raw        = 1 << 31 // in the length of a block that is not compressed
	lz4LengthOf   = 4
)

//nolint:gochecknoglobals // pools are shared
var (
	lz4Compressors = sync.Pool{New: func() any { return new(lz4.Compressor) }}
	lz4Readers     = sync.Pool{New: func() any { return &lz4Reader{Reader: lz4.NewReader(nil)} }}
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

func lz4Into(dst, src []byte) (int, error) {
	if n, known, err := lz4Blocks(dst[:cap(dst)], src); known {
		return n, err
	}
	r := lz4Readers.Get().(*lz4Reader)
	defer lz4Readers.Put(r)
	r.src.Reset(src)
	r.Reset(&r.src)
	n, err := readInto(dst, r.Reader)
	r.src.Reset(nil)
	return n, err
}

// lz4Blocks decompresses a frame as appendLZ4 and the Java client write them. Such a frame is most
// often one small block, for which a reader of any frame would make much room. Anything unusual or
// damaged it leaves to that reader.
func lz4Blocks(room, src []byte) (n int, known bool, err error) {
	src, ours := bytes.CutPrefix(src, []byte(lz4Header))
	for ours && len(src) >= lz4LengthOf {
		length := binary.LittleEndian.Uint32(src)
		src = src[lz4LengthOf:]
		if length == 0 {
			return n, len(src) == 0, nil
		}
		raw := length&lz4Raw != 0
		length &^= lz4Raw
		if length > lz4BlockBytes || int(length) > len(src) {
			break
		}
		// more than a block's bytes would be damage
		left := room[n:min(len(room), n+lz4BlockBytes)]
		var k int
		if raw {
			k = copy(left, src[:length])
		} else if k, err = lz4.UncompressBlock(src[:length], left); err != nil {
			k = -1
		}
		if k < 0 || raw && k < int(length) {
			return 0, len(left) < lz4BlockBytes, errFull
		}
		n, src = n+k, src[length:]
	}
	return 0, false, nil
}

// lz4Reader is a decompressor of any frame, and what it reads from.
type lz4Reader struct {
	*lz4.Reader
	src bytes.Reader
}
