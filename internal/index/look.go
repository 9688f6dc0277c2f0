package index

import (
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Found is what a look at a stream found.
type Found struct {
	Version  int64          // of the stream: the number of its events
	Repeated bool           // the command made a commit in the stream's partition key
	Written  []Written      // what that commit wrote, in the order of the streams' first records
	Position event.Position // of its last record
	Digest   string         // of the command, as that commit has it; empty if it is not known
}

// Written is what a commit wrote to one stream.
type Written struct {
	ID          string // of the aggregate
	First, Last int64  // versions of the records
}

// Version returns the version of the stream: the number of its events.
func (p *Partition) Version(aggregateID string) (int64, error) {
	f, err := p.Look(aggregateID, "")
	return f.Version, err
}

// Look returns the version of the stream. If the command made a commit in the stream's partition
// key, Look returns the result of that commit, too. The empty command made none. If Look does not
// find the commit, the version is one that the stream had before the commit. An append asks nothing
// else.
func (p *Partition) Look(aggregateID, commandID string) (Found, error) {
	l := look{aggregateID: aggregateID, commandID: commandID}
	if err := p.look(&l); err != nil || !l.repeated {
		return Found{Version: l.version}, err
	}
	f := Found{Version: l.version, Repeated: true, Position: event.Position{Partition: p.partition}}
	if p.byKey(commandID) {
		f.Written, f.Position.Offset, f.Digest = l.commit.written, l.commit.offset, l.commit.digest
		return f, nil
	}
	w := l.written
	f.Written, f.Position.Offset = []Written{{ID: aggregateID, First: w.first, Last: w.last}}, w.offset
	// Only a repetition needs the first record of its commit.
	first, _, err := p.At(aggregateID, w.first)
	f.Digest = first.CommandDigest
	return f, err
}

// Applied reports whether the command made a commit in the partition key of the aggregate. The
// empty command made none.
func (p *Partition) Applied(aggregateID, commandID string) (bool, error) {
	l := look{aggregateID: aggregateID, commandID: commandID, known: p.byKey(commandID)}
	err := p.look(&l)
	return l.repeated, err
}

// look is a question, and what is known so far.
type look struct {
	aggregateID, commandID string
	version                int64
	known                  bool // the version is, or nobody asks for it
	repeated               bool
	written                written // by the command's commit
	commit                 commit  // the same, if byKey
	generation             uint64  // of the answers, before the database was read
	unmarked               bool    // the stream is long, and the answers say that no mark is the command's
}

// byKey reports whether the command's commit may be of other streams than the one that it is looked
// up with.
func (p *Partition) byKey(commandID string) bool {
	return commandID != "" && p.key != eventstore.WholeID
}

// look answers the question.
func (p *Partition) look(l *look) error {
	return p.use(func(db *pebble.DB) error {
		if p.byKey(l.commandID) {
			return p.lookByKey(db, l)
		}
		if p.lookInMemory(l) {
			return nil
		}
		p.learnOnce()
		return p.lookIntoSaved(db, l)
	})
}

// learnOnce begins to make the filter complete. The store cannot be closed meanwhile.
func (p *Partition) learnOnce() {
	p.learning.Do(func() { p.store.working.Go(p.learn) })
}

// lookByKey looks for the version, and then for the command's commit. In the other order it could
// miss a commit whose records the version counts.
func (p *Partition) lookByKey(db *pebble.DB, l *look) error {
	keys := keyedLook{Partition: p, db: db}
	defer keys.close()
	if !l.known {
		if err := keys.version(l); err != nil {
			return err
		}
	}
	return keys.commit(l)
}

// keyedLook is a look with an iterator that is opened if it is needed.
type keyedLook struct {
	*Partition

	db         *pebble.DB
	it         *iterator
	generation uint64 // of the answers, before the iterator was opened
}

func (k *keyedLook) close() {
	if k.it != nil {
		k.store.iterators.done(k.it)
	}
}

// open opens the iterator. The generation was read before.
func (k *keyedLook) open(generation uint64) (err error) {
	if k.it == nil {
		k.generation = generation
		k.it, err = k.store.iterators.open(k.db)
	}
	return err
}

// version finds the version of the stream.
func (k *keyedLook) version(l *look) error {
	of := look{aggregateID: l.aggregateID}
	if k.lookInMemory(&of) {
		l.version, l.known = of.version, true
		return nil
	}
	k.learnOnce()
	if err := k.open(of.generation); err != nil {
		return err
	}
	err := k.placesOf(k.it, l.aggregateID, math.MaxInt64, func(at place) bool {
		l.version = at.last()
		return false
	})
	if err == nil {
		l.known = true
		k.learnStream(k.generation, l.aggregateID, savedStream{version: l.version})
	}
	return err
}

// commit finds the command's commit.
func (k *keyedLook) commit(l *look) error {
	partitionKey := k.key.Of(l.aggregateID)
	var room [usualCommit]byte
	key := appendCommand(appendSlot(room[:0], kindCommand, k.slot), partitionKey, l.commandID)
	c := k.commitInMemory(key[slotBytes:])
	switch {
	case c.isRecent:
		return l.found([]byte(c.value), partitionKey)
	case c.isAbsent:
		return nil
	}
	if err := k.open(c.generation); err != nil {
		return err
	}
	if !k.it.SeekPrefixGE(key) {
		if err := k.it.Error(); err != nil {
			return err
		}
		k.learnAbsent(k.generation, key[slotBytes:])
		return nil
	}
	saved, err := k.it.ValueAndErr()
	if err != nil {
		return err
	}
	return l.found(saved, partitionKey)
}

// found completes the look with the command's commit, encoded.
func (l *look) found(value []byte, partitionKey string) (err error) {
	if l.commit, err = decodeCommit(value, partitionKey); err != nil {
		return fmt.Errorf("commit of command %q in partition key %q: %w", l.commandID, partitionKey, err)
	}
	l.repeated = true
	return nil
}

// commitInMemory is what is known of a commit without a look into the database.
type commitInMemory struct {
	value      string // encoded, if it is recent
	isRecent   bool
	isAbsent   bool // there is no commit of that name
	generation uint64
}

// commitInMemory looks for a commit of that name.
func (p *Partition) commitInMemory(name []byte) (c commitInMemory) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range [...]*recent{p.newest, p.older} {
		if r != nil && !c.isRecent {
			c.value, c.isRecent = r.commits[string(name)]
		}
	}
	if !c.isRecent {
		_, c.isAbsent = p.answers.absent[string(name)]
	}
	c.generation = p.answers.generation
	return c
}

// lookInMemory looks into what is recent, into the answers and into the filter. It reports whether
// they answer the question.
func (p *Partition) lookInMemory(l *look) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range [...]*recent{p.newest, p.older} {
		if r == nil {
			continue
		}
		s := r.streams.find(l.aggregateID)
		if s == nil {
			if !l.known && p.unknown(l.aggregateID) { // the filter has the recent streams, too
				return true
			}
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
	return l.known && l.commandID == "" || p.answers.answer(l)
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
// version of the look, if that is not known yet. It remembers what the database says.
func (p *Partition) candidates(db *pebble.DB, l *look) (candidates []place, err error) {
	if l.unmarked {
		return p.candidateByKey(db, l)
	}
	var g gathered
	m := markOf(l.commandID)
	gather := func(at place) bool {
		if m != 0 && at.from <= markedVersions && at.mayHave(m) {
			candidates = append(candidates, at.unmarked())
		}
		return g.add(at) && (m != 0 || g.places < mostPlaces)
	}
	if err := p.places(db, l.aggregateID, math.MaxInt64, gather); err != nil {
		return nil, err
	}
	if !l.known {
		l.version, l.known = g.version, true
	}
	if g.marked = !g.long && (m != 0 || g.places < mostPlaces); g.long && m != 0 {
		if found, err := p.candidateByKey(db, l); err != nil || len(found) > 0 {
			return found, err
		}
		if err := p.places(db, l.aggregateID, markedVersions, gather); err != nil {
			return nil, err
		}
		g.marked = true
	}
	p.learnStream(l.generation, l.aggregateID, g.savedStream)
	return candidates, nil
}

// candidateByKey returns the place of the chunk in which the command's commit ends, if the command
// has a key. Commands of a long stream have one, but for those of its first versions.
func (p *Partition) candidateByKey(db *pebble.DB, l *look) (candidates []place, err error) {
	last := int64(0)
	key := appendCommand(appendSlot(make([]byte, 0, 128), kindCommand, p.slot), l.aggregateID, l.commandID)
	err = get(db, key, func(value []byte) error {
		n := numbers{left: value}
		last = int64(n.next())
		return n.end()
	})
	if err != nil {
		return nil, err
	}
	if last == 0 {
		p.learnAbsent(l.generation, key[slotBytes:])
		return nil, nil
	}
	err = p.places(db, l.aggregateID, last, func(at place) bool {
		candidates = append(candidates, at.unmarked())
		return false
	})
	return candidates, err
}
