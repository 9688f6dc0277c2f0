package bank

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Commit is a commit in the log.
type Commit struct {
	Partition int32
	Offset    int64 // of the first record
	Several   bool  // its records have the headers of a commit of several streams
	Records   []history.Record
}

// Log is what the topic of the banks holds. Its caller adds the records of a partition in offset
// order.
type Log struct {
	history.Reader

	mu       sync.Mutex
	banks    map[string][]Commit
	versions map[string]int64           // by stream
	begun    map[int32][]history.Record // by partition: the beginning of a commit
	several  int
	commits  int
}

// NewLog returns an empty log.
func NewLog() *Log {
	return &Log{
		banks: make(map[string][]Commit), versions: make(map[string]int64), begun: make(map[int32][]history.Record),
	}
}

// Add adds a record. This is the reader rule for commits, written a second time. A commit counts if
//   - the [history.Reader] takes its records;
//   - they stand there whole, 1 to n, one offset after the other;
//   - each of them has the next version of its stream.
func (l *Log) Add(r history.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.Take(r) {
		l.cut(r.Partition)
		return
	}
	index, size := place(&r)
	begun := l.begun[r.Partition]
	if n := len(begun); n > 0 {
		before := &begun[n-1]
		i, s := place(before)
		if index != i+1 || size != s || r.Offset != before.Offset+1 || several(&r) != several(before) {
			l.cut(r.Partition)
			begun = nil
		}
	}
	if len(begun) == 0 && index != 1 {
		l.Leave(r, fmt.Sprintf("it is event %d of a commit of %d, and the one before it is missing", index, size))
		return
	}
	begun = append(begun, r)
	l.begun[r.Partition] = begun
	if index == size {
		delete(l.begun, r.Partition)
		l.whole(begun)
	}
}

// several reports whether the record says that its commit writes to several streams.
func several(r *history.Record) bool { return r.Size != 0 }

// place returns the place of the record in its commit, from 1, and how many records the commit has.
func place(r *history.Record) (index, size int) {
	if several(r) {
		return r.Index, r.Size
	}
	return int(r.Version-r.First) + 1, r.Length
}

// cut leaves out a commit that does not go on. l.mu is held.
func (l *Log) cut(partition int32) {
	for _, r := range l.begun[partition] {
		index, size := place(&r)
		l.Leave(r, fmt.Sprintf("it is event %d of a commit of %d that is not whole", index, size))
	}
	delete(l.begun, partition)
}

// whole takes a commit that is there whole. l.mu is held.
func (l *Log) whole(records []history.Record) {
	ahead := make(map[string]int64)
	for _, r := range records {
		version, known := ahead[r.Stream]
		if !known {
			version = l.versions[r.Stream]
		}
		if r.Version != version+1 {
			why := fmt.Sprintf("version %d of %s follows version %d, so this commit does not count", r.Version,
				r.Stream, version)
			for _, r := range records {
				l.Leave(r, why)
			}
			return
		}
		ahead[r.Stream] = r.Version
	}
	for _, r := range records {
		l.Count(r)
		l.versions[r.Stream] = r.Version
	}
	first := &records[0]
	bank := Of(first.Stream)
	l.banks[bank] = append(l.banks[bank], Commit{
		Partition: first.Partition, Offset: first.Offset, Several: several(first), Records: records,
	})
	l.commits++
	if several(first) {
		l.several++
	}
}

// Bank returns the commits of the bank that count so far. They are not to be changed.
func (l *Log) Bank(name string) []Commit {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.banks[name]
	return all[:len(all):len(all)]
}

// Banks returns the names of all banks with commits that count so far, in order.
func (l *Log) Banks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.banks))
}

// Commits returns how many commits count so far, and how many of them write to several streams.
func (l *Log) Commits() (all, several int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commits, l.several
}
