package index

import (
	"encoding/binary"
	"slices"
	"strings"
)

// answers remembers what the database says of streams and commands that somebody has asked for. A
// command asks three times: when its stream is read, whether it was applied before, and when it is
// written. Only the first question needs the database.
//
//	A1  What is recent comes first. An answer is only of the database.
//	A2  All answers are forgotten when a piece leaves what is recent. What somebody has read in the
//	    database becomes an answer only if no piece has left since the reading began.
type answers struct {
	generation uint64 // how many pieces have left
	streams    map[string]savedStream
	absent     map[string]struct{} // names of commands of which the database has no commit
	bytes      int                 // about what all of it takes
	maxBytes   int
}

// savedStream is what the database says of a stream.
type savedStream struct {
	version int64
	marked  bool          // marks has all marks
	marks   []commandMark // of the places of its chunks
	long    bool          // some commands have keys
}

// Roughly the bytes that an answer takes beside its name.
const (
	bytesOfSavedStream = 96
	bytesOfAbsent      = 48
)

func newAnswers(maxBytes int) answers {
	return answers{streams: make(map[string]savedStream), absent: make(map[string]struct{}), maxBytes: maxBytes}
}

// forget is called when a piece leaves what is recent.
func (a *answers) forget() {
	a.generation++
	a.clear()
}

func (a *answers) clear() {
	clear(a.streams)
	clear(a.absent)
	a.bytes = 0
}

// take makes room for so many bytes. If there is none, it forgets everything.
func (a *answers) take(bytes int) {
	if a.bytes+bytes > a.maxBytes {
		a.clear()
	}
	a.bytes += bytes
}

// learnStream notes what the database says of a stream, if that is still so.
func (p *Partition) learnStream(generation uint64, aggregateID string, s savedStream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.answers
	if old, known := a.streams[aggregateID]; a.generation != generation || known && (old.marked || !s.marked) {
		return
	}
	a.take(bytesOfSavedStream + len(aggregateID) + markBytes*len(s.marks))
	a.streams[strings.Clone(aggregateID)] = s
}

// learnAbsent notes that the database has no commit of a command, if that is still so. The name is
// what appendCommand makes.
func (p *Partition) learnAbsent(generation uint64, name []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.answers
	if a.generation != generation {
		return
	}
	a.take(bytesOfAbsent + len(name))
	a.absent[string(name)] = struct{}{}
}

// answer completes a look with what is remembered of the database. p.mu is held. It reports whether
// that is enough.
func (a *answers) answer(l *look) bool {
	l.generation = a.generation
	s, ok := a.streams[l.aggregateID]
	if !ok {
		return false
	}
	if !l.known {
		l.version, l.known = s.version, true
	}
	if l.commandID == "" {
		return true
	}
	if !s.marked || slices.Contains(s.marks, markOf(l.commandID)) {
		return false
	}
	if l.unmarked = s.long; !s.long {
		return true
	}
	var room [usualCommit]byte
	_, absent := a.absent[string(appendCommand(room[:0], l.aggregateID, l.commandID))]
	return absent
}

// gathered is what a walk through the places of a stream has found.
type gathered struct {
	savedStream

	places int
}

// mostPlaces is how many places a look walks through that asks for the version alone.
const mostPlaces = 16

// add adds a place. It reports whether the walk goes on: a long stream has no more marks.
func (g *gathered) add(at place) bool {
	if g.places++; g.places == 1 {
		g.version = at.last()
	}
	if at.from > markedVersions {
		g.long = true
		return false
	}
	for marks := at.marks; len(marks) >= markBytes; marks = marks[markBytes:] {
		g.marks = append(g.marks, commandMark(binary.BigEndian.Uint32(marks)))
	}
	return true
}
