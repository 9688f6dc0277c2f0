package index

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// format is the version of everything that is stored. An index of another format is made again.
const format = 6

// The key of something in a partition is p, the partition's slot, a kind, and what it is about. The
// slot comes before the rest, so the keys of one partition do not overlap with those of another.
// Aggregate ids, partition keys and command ids are texts of text.go. No such text is the beginning
// of another.
const (
	kindCheckpoint = 'c' //                              → checkpoint
	kindEpoch      = 'e' // producer id                  → greatest epoch of its that began a term
	kindCommand    = 'k' // partition key, command id    → the commit of the command: see below
	kindSnapshot   = 'n' // aggregate id, name           → snapshot, see snapshot.go
	kindChunk      = 's' // aggregate id, ^first version → place of some events of the stream
	kindSkipped    = 'x' // offset                       → number of records that do not count
)

// The value of a command's key depends on the category's partition key:
//
//   - WholeID: the version of the commit's last event. The partition key is the aggregate id. Only
//     commits that no mark tells of have such a key: see chunk.go.
//   - BeforeSlash: what the commit wrote. All commits of commands have such a key: see commits.go.

// identityKey is the key of what a store keeps of itself, see saved.
func identityKey() []byte { return []byte{'i'} }

func appendSlot(key []byte, kind byte, slot uint16) []byte {
	return append(binary.BigEndian.AppendUint16(append(key, 'p'), slot), kind)
}

// slotBytes is the length of what appendSlot appends.
const slotBytes = 4

func appendStream(key []byte, kind byte, slot uint16, aggregateID string) []byte {
	return appendText(appendSlot(key, kind, slot), aggregateID)
}

// appendCommand appends the part of a command's key that comes after the slot and the kind.
func appendCommand(b []byte, partitionKey, commandID string) []byte {
	return appendText(appendText(b, partitionKey), commandID)
}

// appendVersion completes the key of a chunk with the chunk's first version. stream is the
// beginning of the key, as appendStream makes it. The newest chunk of a stream comes first.
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

// comparer orders keys by their bytes. It tells Pebble that the chunks of a stream belong together.
// So Pebble asks its filters for the stream, and not for the chunk. For every other key it asks for
// the whole key.
func comparer() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "fencelog.streams"
	c.Split = func(key []byte) int {
		if len(key) > slotBytes+versionBytes && key[0] == 'p' && key[slotBytes-1] == kindChunk {
			return len(key) - versionBytes
		}
		return len(key)
	}
	// The defaults of these two shorten a key, and a shortened key may belong to no stream.
	c.Separator = func(dst, a, _ []byte) []byte { return append(dst, a...) }
	c.Successor = func(dst, a []byte) []byte { return append(dst, a...) }
	c.ImmediateSuccessor = nil // the default is wrong for this Split, and only range keys and NextPrefix need it
	return &c
}
