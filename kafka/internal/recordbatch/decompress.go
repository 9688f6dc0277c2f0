package recordbatch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
)

// firstRoom is the least room that decompress tries.
const firstRoom = 16 << 10

// maxWindow is the largest window that a batch in zstd may name. The highest level of zstd, 22, has
// that window. DecodeAll makes no room for a window.
const maxWindow = 128 << 20

// errFull says that the decompressed bytes do not fit the room.
var errFull = errors.New("there is not enough room")

// decompress returns the batch's bytes of records. If they were compressed, it appends them to the
// decoder's bytes.
func (d *Decoder) decompress(b *Batch) ([]byte, error) {
	if b.Codec == sarama.CompressionNone {
		if len(b.records) > MaxBytes {
			return nil, b.malformed(ErrTooLarge, fmt.Sprintf("%d bytes, expected %d at most", len(b.records), MaxBytes))
		}
		return b.records, nil
	}
	// The room doubles until the decompressed bytes fit. So a bomb does not get the largest room at
	// once, and a batch that compresses as usual needs one try.
	for room := min(max(4*len(b.records), firstRoom), MaxBytes); ; {
		begin := len(d.bytes)
		if cap(d.bytes)-begin < room { // bytes that were handed out stay where they are
			d.bytes, begin = make([]byte, 0, max(room, min(2*cap(d.bytes), keptBytes))), 0
		}
		room = min(cap(d.bytes)-begin, MaxBytes)
		n, err := into(d.bytes[begin:begin:begin+room], b.Codec, b.records)
		switch {
		case err == nil:
			d.bytes = d.bytes[:begin+n]
			return d.bytes[begin : begin+n : begin+n], nil
		case !errors.Is(err, errFull):
			return nil, b.malformed(ErrRecords, fmt.Sprintf("%s: %v", b.Codec, err))
		case room == MaxBytes:
			return nil, b.malformed(ErrTooLarge,
				fmt.Sprintf("its %d bytes in %s decompress to more than %d", len(b.records), b.Codec, MaxBytes))
		}
		room = min(2*room, MaxBytes)
	}
}

// into decompresses into the room that dst has, and returns how many bytes that made. It fails with
// errFull if there are more.
func into(dst []byte, codec sarama.CompressionCodec, src []byte) (int, error) {
	switch codec {
	case sarama.CompressionGZIP:
		return gzipInto(dst, src)
	case sarama.CompressionSnappy:
		out, err := xerial.DecodeCapped(dst, src)
		if errors.Is(err, xerial.ErrDstTooSmall) {
			err = errFull
		}
		return len(out), err
	case sarama.CompressionLZ4:
		return lz4Into(dst, src)
	case sarama.CompressionZSTD:
		return zstdInto(dst, src)
	default:
		return 0, errors.New("unknown codec")
	}
}

// Decompressors hold tables that are costly to make.
//
//nolint:gochecknoglobals // pools are shared
var (
	gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds = sync.Pool{New: newZstd}
)

func gzipInto(dst, src []byte) (int, error) {
	r := gzips.Get().(*gzip.Reader)
	defer gzips.Put(r)
	if err := r.Reset(bytes.NewReader(src)); err != nil {
		return 0, err
	}
	return readInto(dst, r)
}

// readInto reads everything into the room that dst has.
func readInto(dst []byte, r io.Reader) (n int, err error) {
	room := dst[:cap(dst)]
	for n < len(room) && err == nil {
		var k int
		k, err = r.Read(room[n:])
		n += k
	}
	var more [1]byte
	for err == nil { // all of the room is used
		var k int
		if k, err = r.Read(more[:]); k > 0 {
			return n, errFull
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func newZstd() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return err // only an option can be wrong
	}
	return d
}

func zstdInto(dst, src []byte) (int, error) {
	d, ok := zstds.Get().(*zstd.Decoder)
	if !ok {
		return 0, errors.New("the decompressor cannot be made")
	}
	defer zstds.Put(d)
	out, err := d.DecodeAll(src, dst)
	// The decompressor has more than one error for a block that does not fit.
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || err != nil && cap(dst)-len(out) < zstdBlock {
		err = errFull
	}
	return len(out), err
}

// zstdBlock is the most that a block of zstd decompresses to: RFC 8878, Block_Maximum_Size.
const zstdBlock = 128 << 10
