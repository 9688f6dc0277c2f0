package index

import (
	"github.com/fencelog/fencelog/eventstore"
)

// recent holds changes of a partition that are not saved yet. The records are encoded as they will
// be saved. All changes are saved in one piece, in the order of the keys. That costs a fraction of
// what it costs to put each key in its place. One goroutine adds to it. It never changes what it
// has handed out.
type recent struct {
	key        eventstore.PartitionKey
	streams    recentStreams
	commands   commands          // if the key is the whole id
	commits    map[string]string // otherwise: the values of commits, by name, see encodedCommit
	snapshots  map[string][]byte // to be saved with it, by name, encoded; nil before it is full
	skipped    []Range
	epochs     map[int64]int16 // by producer id, the greatest that began a term; nil while there is none
	changed    bool
	checkpoint Checkpoint // after the last change
	bytes      int        // about what all of it takes
	free       []byte     // where the next records are encoded
}

// recentRecord is an encoded record, and the mark of the command whose commit ends with it. It has
// no mark unless the partition key is the whole id.
type recentRecord struct {
	encoded []byte
	mark    commandMark
}

// These are the bytes that something takes beside its records and ids, roughly: in entries of maps,
// and in pointers. bytesOfRecord is more than a record's length and its chunk's checksum take in a
// file.
const (
	bytesOfStream  = 128
	bytesOfRecord  = 32
	bytesOfCommand = 40
	bytesOfCommit  = 96
	bytesOfRange   = 16
	bytesOfEpoch   = 48
)

// blockOfRecords is the least memory that encode allocates at once.
const blockOfRecords = 64 << 10

// newRecent returns a piece. It will have about as much in it as the one before, which is nil if
// there was none.
func newRecent(key eventstore.PartitionKey, before *recent) *recent {
	streams, commits := 0, 0
	if before != nil {
		streams, commits = len(before.streams.list), len(before.commits)
	}
	return &recent{
		key: key, streams: newRecentStreams(streams), commands: newCommands(),
		commits: make(map[string]string, commits),
	}
}

// encode appends the records, encoded, to a list.
func (r *recent) encode(list [][]byte, records []eventstore.Record) [][]byte {
	for i := range records {
		if size := maxRecordSize(&records[i]); cap(r.free)-len(r.free) < size {
			r.free = make([]byte, 0, max(blockOfRecords, size))
		}
		begin := len(r.free)
		r.free = appendRecord(r.free, &records[i])
		list = append(list, r.free[begin:len(r.free):len(r.free)])
	}
	return list
}

// add adds a change whose records are encoded, and the commits in it that encodeCommits returned.
func (r *recent) add(c *Change, encoded [][]byte, made []encodedCommit) {
	for _, m := range made {
		r.commits[m.name] = m.value
		r.bytes += len(m.name) + len(m.value) + bytesOfCommit
	}
	marked := r.key == eventstore.WholeID
	for i := range c.Records {
		rec := &c.Records[i]
		id := rec.AggregateID
		added := recentRecord{encoded: encoded[i]}
		if marked && rec.CommandID != "" && rec.Commit.Index == rec.Commit.Size {
			added.mark = markOf(rec.CommandID)
		}
		var s *recentStream
		if rec.AggregateVersion > 1 { // otherwise it is new
			s = r.streams.find(id)
		}
		if s != nil {
			s.more = append(s.more, added)
		} else {
			s = r.streams.add(id, rec.AggregateVersion, added)
			r.bytes += len(id) + bytesOfStream
		}
		r.bytes += len(encoded[i]) + bytesOfRecord
		if added.mark != 0 && len(s.more) >= mostScanned {
			r.commands.add(id, rec.CommandID, rec.AggregateVersion)
			r.bytes += bytesOfCommand
		}
	}
	before := len(r.skipped)
	for _, x := range c.Skipped {
		r.skipped = appendRange(r.skipped, x)
	}
	r.bytes += (len(r.skipped) - before) * bytesOfRange
	for _, term := range c.Terms {
		if r.epochs == nil {
			r.epochs = make(map[int64]int16)
		}
		r.epochs[term.ProducerID] = term.Epoch
		r.bytes += bytesOfEpoch
	}
	r.checkpoint, r.changed = c.Checkpoint, true
}

// mostScanned is how many records of a stream are looked through for a command. Only the commands
// of later records have entries in commands: most streams have few recent records.
const mostScanned = 16

// command returns what the command wrote to the stream, if that is recent.
func (r *recent) command(aggregateID, commandID string) (written, bool) {
	s := r.streams.find(aggregateID)
	if s == nil {
		return written{}, false
	}
	m := markOf(commandID)
	if s.first.mark == m {
		if w, ok := decodeWritten(s.first.encoded, commandID); ok {
			return w, true
		}
	}
	for _, rec := range s.more[:min(len(s.more), mostScanned)] {
		if rec.mark == m {
			if w, ok := decodeWritten(rec.encoded, commandID); ok {
				return w, true
			}
		}
	}
	if len(s.more) < mostScanned {
		return written{}, false
	}
	version, ok := r.commands.find(aggregateID, commandID)
	if !ok || version < s.from || version > s.last() {
		return written{}, false // the hash is the same, and the command is of another stream
	}
	return decodeWritten(s.at(version), commandID)
}
