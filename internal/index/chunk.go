package index

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A chunk is some events of one stream, in a row, as they lie in a file. It begins with a checksum:
// the CRC-32C of the stream's key and of all that follows. Then each record follows, with its
// length before it. Most chunks hold all that a piece has of their stream.
//
// The place of a chunk in the database has marks of the commands whose commits end in the chunk. So
// a look knows of a new command that it is new, without a look at the chunks. A long stream would
// have too many marks to look through. So the commands in a chunk that begins after markedVersions
// have a key each instead. If partition keys have several streams, there are no marks, and all
// commands have a key: see commits.go.
const (
	maxChunkBytes   = 32 << 10
	maxChunkRecords = 256
	markedVersions  = 256 // a chunk that begins after this version has no marks
	checksumBytes   = 4
	markBytes       = 4
)

//nolint:gochecknoglobals // a table, never changed
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// commandMark is the hash of a command's id that a place keeps; 0 stands for no command.
type commandMark uint32

func markOf(commandID string) commandMark {
	if commandID == "" {
		return 0
	}
	var h uint32
	for i := range len(commandID) {
		h = (h ^ uint32(commandID[i])) * 16777619 // FNV-1a
	}
	return commandMark(max(h, 1))
}

// place is where a chunk is, and what is known of it.
type place struct {
	from   int64 // its first version
	count  int64 // of records
	file   int
	offset int64
	length int // of the chunk, in bytes
	marks  []byte
}

func (p place) last() int64 { return p.from + p.count - 1 }

// unmarked returns the place without its marks, which are valid for a moment only.
func (p place) unmarked() place {
	p.marks = nil
	return p
}

func appendPlace(b []byte, p place) []byte {
	b = binary.AppendUvarint(b, uint64(p.count))
	b = binary.AppendUvarint(b, uint64(p.file))
	b = binary.AppendUvarint(b, uint64(p.offset))
	b = binary.AppendUvarint(b, uint64(p.length))
	return append(b, p.marks...)
}

// decodePlace reads a place from its key and value. Its marks are part of value.
func decodePlace(key, value []byte) (place, error) {
	n := numbers{left: value}
	p := place{
		from: fromOf(key), count: int64(n.next()), file: int(n.next()), offset: int64(n.next()), length: int(n.next()),
	}
	p.marks = n.left
	if n.bad || p.count < 1 || p.from < 1 || p.offset < 0 || p.length < checksumBytes || p.length > fileBytes ||
		len(p.marks)%markBytes != 0 {
		return p, errBroken
	}
	return p, nil
}

// mayHave reports whether the chunk perhaps ends a commit of the command.
func (p place) mayHave(m commandMark) bool {
	for marks := p.marks; len(marks) >= markBytes; marks = marks[markBytes:] {
		if binary.BigEndian.Uint32(marks) == uint32(m) {
			return true
		}
	}
	return false
}

// appendChunk appends records of the stream as a chunk.
func appendChunk(b, stream []byte, records []recentRecord) []byte {
	begin := len(b)
	b = append(b, make([]byte, checksumBytes)...)
	for _, r := range records {
		b = binary.AppendUvarint(b, uint64(len(r.encoded)))
		b = append(b, r.encoded...)
	}
	binary.BigEndian.PutUint32(b[begin:], checksum(stream, b[begin+checksumBytes:]))
	return b
}

// chunkLength returns the length of what appendChunk appends.
func chunkLength(records []recentRecord) int {
	n := checksumBytes
	for _, r := range records {
		n += sizeOf(uint64(len(r.encoded))) + len(r.encoded)
	}
	return n
}

// sizeOf returns the length of a varint.
func sizeOf(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// decodeChunk calls use with each encoded record of the chunk that is at a place, in order. The
// records are part of b.
func decodeChunk(b, stream []byte, p place, use func(version int64, encoded []byte) error) error {
	if len(b) < checksumBytes || binary.BigEndian.Uint32(b) != checksum(stream, b[checksumBytes:]) {
		return fmt.Errorf("%w: what is at %d of file %s is not what was written there", errBroken, p.offset,
			fileName(p.file))
	}
	n := numbers{left: b[checksumBytes:]}
	for version := p.from; version <= p.last(); version++ {
		length := n.next()
		if n.bad || length > uint64(len(n.left)) {
			return errBroken
		}
		if err := use(version, n.left[:length]); err != nil {
			return err
		}
		n.left = n.left[length:]
	}
	return n.end()
}

func checksum(stream, records []byte) uint32 {
	return crc32.Update(crc32.Checksum(stream, castagnoli), castagnoli, records)
}
