package index

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/eventstore"
)

// recent holds changes of a partition that are not in the database yet, with the records encoded as they will be there. Together
// they are written in one piece and in the order of the keys, which costs a fraction of what putting each key in its place does.
// One goroutine adds to it; what it handed out stays as it is.
type recent struct {
	streams    map[string]recentStream
	commands   map[command]written
	skipped    []Range
	changed    bool
	checkpoint Checkpoint // after the last change
	bytes      int        // about what all of it takes
	free       []byte     // where the next records are encoded
}

// recentStream is what is recent of a stream: records without gaps, from one version on.
type recentStream struct {
	from  int64
	first []byte
	more  [][]byte // those after it: most streams have none
}

func (s recentStream) last() int64 { return s.from + int64(len(s.more)) }

// at returns the record of a version, which must be recent.
func (s recentStream) at(version int64) []byte {
	if version == s.from {
		return s.first
	}
	return s.more[version-s.from-1]
}

type command struct{ aggregateID, id string }

// written is where a command's commit is.
type written struct{ first, last, offset int64 }

// What is taken beside the bytes of records and ids, roughly: entries of maps, and pointers.
const (
	bytesOfStream  = 120
	bytesOfRecord  = 24
	bytesOfCommand = 120
	bytesOfRange   = 16
)

// chunkBytes is how much memory is asked for at once for encoded records.
const chunkBytes = 64 << 10

func newRecent() *recent {
	return &recent{streams: make(map[string]recentStream), commands: make(map[command]written)}
}

// encode appends the records, encoded, to a list.
func (r *recent) encode(list [][]byte, records []eventstore.Record) [][]byte {
	for i := range records {
		if size := maxRecordSize(&records[i]); cap(r.free)-len(r.free) < size {
			r.free = make([]byte, 0, max(chunkBytes, size))
		}
		begin := len(r.free)
		r.free = appendRecord(r.free, &records[i])
		list = append(list, r.free[begin:len(r.free):len(r.free)])
	}
	return list
}

// add adds a change whose records are encoded.
func (r *recent) add(c *Change, encoded [][]byte) {
	for i := range c.Records {
		rec := &c.Records[i]
		id := rec.AggregateID
		s, known := r.streams[id]
		if known {
			s.more = append(s.more, encoded[i])
		} else {
			id = strings.Clone(id) // it may be part of something large
			s = recentStream{from: rec.AggregateVersion, first: encoded[i]}
			r.bytes += len(id) + bytesOfStream
		}
		r.streams[id] = s
		r.bytes += len(encoded[i]) + bytesOfRecord
		if rec.CommandID != "" && rec.AggregateVersion == lastOf(rec.Commit) {
			r.commands[command{strings.Clone(id), strings.Clone(rec.CommandID)}] = written{rec.Commit.First, rec.AggregateVersion, rec.Position.Offset}
			r.bytes += len(id) + len(rec.CommandID) + bytesOfCommand
		}
	}
	r.skipped = append(r.skipped, c.Skipped...)
	r.bytes += len(c.Skipped) * bytesOfRange
	r.checkpoint, r.changed = c.Checkpoint, true
}

// lastOf returns the version of the commit's last event.
func lastOf(c eventstore.Commit) int64 { return c.First + int64(c.Length) - 1 }

// save writes everything to the database, all or nothing.
func (r *recent) save(db *pebble.DB, slot uint16) error {
	if !r.changed {
		return nil
	}
	b := db.NewBatchWithSize(r.bytes)
	defer func() { _ = b.Close() }() // frees memory
	if err := r.fill(b, slot); err != nil {
		return err
	}
	return b.Commit(pebble.NoSync)
}

// fill puts everything into the batch, in the order of the keys.
func (r *recent) fill(b *pebble.Batch, slot uint16) error {
	var key, value []byte
	var failed error
	set := func(key, value []byte) {
		if failed == nil {
			failed = b.Set(key, value, nil)
		}
	}
	set(appendSlot(nil, kindCheckpoint, slot), encodeCheckpoint(r.checkpoint))
	ids := slices.SortedFunc(maps.Keys(r.streams), compareIDs)
	for _, id := range ids {
		s := r.streams[id]
		for version := s.from; version <= s.last(); version++ {
			key = appendEvent(key[:0], slot, id, version)
			set(key, s.at(version))
		}
	}
	for _, c := range slices.SortedFunc(maps.Keys(r.commands), compareCommands) {
		key = appendCommand(key[:0], slot, c.aggregateID, c.id)
		value = appendWritten(value[:0], r.commands[c])
		set(key, value)
	}
	for _, id := range ids {
		key = appendStream(key[:0], kindVersion, slot, id)
		value = binary.AppendUvarint(value[:0], uint64(r.streams[id].last()))
		set(key, value)
	}
	for _, x := range r.skipped {
		key = appendSkipped(key[:0], slot, x.Offset)
		value = binary.AppendUvarint(value[:0], uint64(x.Length))
		set(key, value)
	}
	return failed
}

// compareIDs orders as keys do, which have the length first.
func compareIDs(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

func compareCommands(a, b command) int {
	return cmp.Or(compareIDs(a.aggregateID, b.aggregateID), cmp.Compare(a.id, b.id))
}
