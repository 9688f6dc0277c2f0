package index

import (
	"encoding/binary"

	"github.com/fencelog/fencelog/eventstore"
)

// format is the version of the keys and values. An index of another format is made again.
const format = 2

// The keys of a partition: p, its slot, a kind, and what it is about. The slot comes first, so that what one partition writes overlaps with
// no other's. An aggregate id is led by its length, so that no key is the beginning of another stream's.
const (
	kindCheckpoint = 'c' //                        → checkpoint
	kindEvent      = 'e' // aggregate id, version  → record
	kindCommand    = 'k' // aggregate id, command id → first and last version, offset
	kindVersion    = 'v' // aggregate id           → version
	kindSkipped    = 'x' // offset                 → number of records that do not count
)

// identityKey is that of what the index is the index of.
func identityKey() []byte { return []byte{'i'} }

func appendSlot(key []byte, kind byte, slot uint16) []byte {
	return append(binary.BigEndian.AppendUint16(append(key, 'p'), slot), kind)
}

func appendStream(key []byte, kind byte, slot uint16, aggregateID string) []byte {
	key = appendSlot(key, kind, slot)
	key = append(key, byte(len(aggregateID))) // at most eventstore.MaxIDBytes
	return append(key, aggregateID...)
}

// maxEventKey is the length that the key of an event has at most.
const maxEventKey = 1 + 2 + 1 + 1 + eventstore.MaxIDBytes + 8

func appendEvent(key []byte, slot uint16, aggregateID string, version int64) []byte {
	return binary.BigEndian.AppendUint64(appendStream(key, kindEvent, slot, aggregateID), uint64(version))
}

func appendCommand(key []byte, slot uint16, aggregateID, commandID string) []byte {
	return append(appendStream(key, kindCommand, slot, aggregateID), commandID...)
}

func appendSkipped(key []byte, slot uint16, offset int64) []byte {
	return binary.BigEndian.AppendUint64(appendSlot(key, kindSkipped, slot), uint64(offset))
}
