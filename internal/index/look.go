package index

import (
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/event"
)

// Found is what a look at a stream found.
type Found struct {
	Version     int64          // of the stream: the number of its events
	Repeated    bool           // a commit in it was made by the command
	First, Last int64          // versions of that commit's records
	Position    event.Position // of its last record
	Digest      string         // of the command, as that commit has it; empty if it is not known
}

// Version returns the version of the stream: the number of its events.
func (p *Partition) Version(aggregateID string) (int64, error) {
	f, err := p.Look(aggregateID, "")
	return f.Version, err
}

// Look returns the version of the stream, and the result of the commit that the command made in it,
// if there is one. The empty command made none. An append asks nothing else.
func (p *Partition) Look(aggregateID, commandID string) (Found, error) {
	l := look{aggregateID: aggregateID, commandID: commandID}
	err := p.use(func(db *pebble.DB) error {
		if p.lookInMemory(&l) {
			return nil
		}
		p.learning.Do(func() { p.store.working.Go(p.learn) }) // the store cannot be closed meanwhile
		return p.lookIntoSaved(db, &l)
	})
	f := Found{Version: l.version, Repeated: l.repeated}
	if err != nil || !l.repeated {
		return f, err
	}
	w := l.written
	f.First, f.Last, f.Position = w.first, w.last, event.Position{Partition: p.partition, Offset: w.offset}
	// Only a repetition needs the first record of its commit.
	first, _, err := p.At(aggregateID, w.first)
	f.Digest = first.CommandDigest
	return f, err
}

// look is a question, and what is known so far.
type look struct {
	aggregateID, commandID string
	version                int64
	known                  bool // the version is
	repeated               bool
	written                written
}

// lookInMemory looks into what is recent and into the filter. It reports whether they answer the
// question.
func (p *Partition) lookInMemory(l *look) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range [...]*recent{p.newest, p.older} {
		if r == nil {
			continue
		}
		s, ok := r.streams[l.aggregateID]
		if !ok {
			continue
		}
		if !l.known {
			l.version, l.known = s.last(), true
		}
		if l.commandID != "" {
			if l.written, l.repeated = r.command(l.aggregateID, l.commandID); l.repeated {
				return true
			}
		}
		if s.from == 1 {
			return true
		}
	}
	if l.known {
		return l.commandID == ""
	}
	return p.unknown(l.aggregateID)
}

// lookIntoSaved looks into the database and the files.
func (p *Partition) lookIntoSaved(db *pebble.DB, l *look) error {
	candidates, err := p.candidates(db, l)
	for i := 0; i < len(candidates) && err == nil && !l.repeated; i++ {
		err = p.chunk(l.aggregateID, candidates[i], func(_ int64, encoded []byte) error {
			if w, ok := decodeWritten(encoded, l.commandID); ok {
				l.written, l.repeated = w, true // the last record of the commit counts
			}
			return nil
		})
	}
	return err
}

// candidates returns the places of the chunks in which the command's commit may end. It sets the
// version of the look, if that is not known yet.
func (p *Partition) candidates(db *pebble.DB, l *look) (candidates []place, err error) {
	m, long := markOf(l.commandID), false
	marked := func(at place) bool {
		if !l.known {
			l.version, l.known = at.last(), true
		}
		if long = at.from > markedVersions; !long && at.mayHave(m) {
			candidates = append(candidates, at.unmarked())
		}
		return !long && l.commandID != ""
	}
	if err := p.places(db, l.aggregateID, math.MaxInt64, marked); err != nil || !long || l.commandID == "" {
		return candidates, err
	}
	last := int64(0)
	key := appendText(appendStream(make([]byte, 0, 128), kindCommand, p.slot, l.aggregateID), l.commandID)
	err = get(db, key, func(value []byte) error {
		n := numbers{left: value}
		last = int64(n.next())
		return n.end()
	})
	if err != nil || last == 0 {
		return candidates, errors.Join(err, p.places(db, l.aggregateID, markedVersions, marked))
	}
	err = p.places(db, l.aggregateID, last, func(at place) bool {
		candidates = append(candidates, at.unmarked())
		return false
	})
	return candidates, err
}
