package index

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// format is the version of everything that is stored. An index of another format is made again.
const format = 5

// The keys of a partition: p, its slot, a kind, and what it is about. The slot comes first, so that
// what one partition writes overlaps with no other's. An aggregate id is a text of text.go, of
// which none is the beginning of another.
const (
	kindCheckpoint = 'c' //                              → checkpoint
	kindEpoch      = 'e' // producer id                  → greatest epoch of its that began a term
	// aggregate id, command id → version of the commit's last event; of commits that no chunk's
	// marks tell of
	kindCommand = 'k'
	kindChunk   = 's' // aggregate id, ^first version → place of some events of the stream
	kindSkipped = 'x' // offset                       → number of records that do not count
)

// identityKey is that of what the index is the index of.
func identityKey() []byte { return []byte{'i'} }

func appendSlot(key []byte, kind byte, slot uint16) []byte {
	return append(binary.BigEndian.AppendUint16(append(key, 'p'), slot), kind)
}

// slotBytes is the length of what appendSlot appends.
const slotBytes = 4

func appendStream(key []byte, kind byte, slot uint16, aggregateID string) []byte {
	return appendText(appendSlot(key, kind, slot), aggregateID)
}

// appendVersion completes the key of a chunk, which begins as appendStream has it, with its first
// version. The newest chunk comes first.
func appendVersion(stream []byte, from int64) []byte {
	return binary.BigEndian.AppendUint64(stream, ^uint64(from))
}

// versionBytes is the length of what appendVersion appends.
const versionBytes = 8

// fromOf returns the first version of the chunk.
func fromOf(key []byte) int64 { return int64(^binary.BigEndian.Uint64(key[len(key)-versionBytes:])) }

func appendEpoch(key []byte, slot uint16, producerID int64) []byte {
	return binary.BigEndian.AppendUint64(appendSlot(key, kindEpoch, slot), uint64(producerID))
}

func appendSkipped(key []byte, slot uint16, offset int64) []byte {
	return binary.BigEndian.AppendUint64(appendSlot(key, kindSkipped, slot), uint64(offset))
}

// comparer orders keys by their bytes, and tells Pebble that the chunks of a stream belong
// together: its filters are asked for the stream then, not for the chunk.
func comparer() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "fencelog.streams"
	c.Split = func(key []byte) int {
		if len(key) > slotBytes+versionBytes && key[0] == 'p' && key[slotBytes-1] == kindChunk {
			return len(key) - versionBytes
		}
		return len(key)
	}
	// A shortened key could be one of no stream.
	c.Separator = func(dst, a, _ []byte) []byte { return append(dst, a...) }
	c.Successor = func(dst, a []byte) []byte { return append(dst, a...) }
	c.ImmediateSuccessor = nil // the default is wrong for this Split, and only range keys and NextPrefix need it
	return &c
}
