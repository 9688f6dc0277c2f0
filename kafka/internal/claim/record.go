package claim

import (
	"slices"

	"github.com/fencelog/fencelog/internal/index"
)

// maxGiven bounds the terms that are remembered. A term is remembered until its marker, or that of
// a later one, has been read.
const maxGiven = 16

// Record is what this process knows of its claims of one partition, and what the markers that were
// read say of them. It says whose claim the log shows, and decides nothing about what counts. It
// watches the partition's [rule.Follower]. The goroutine that uses the follower also uses the
// record.
type Record struct {
	given []index.Term // by the coordinator to this process, the newest last
	last  index.Term   // of the newest marker of a claim, whoever made it
	own   index.Term   // of the newest own marker
	rival bool         // a marker of somebody else is behind it
	signs int64        // others' markers, and records that count, as far as they were read
}

// NewRecord returns the record of a process that has claimed nothing, and has read nothing.
func NewRecord() *Record { return &Record{last: index.NoTerm(), own: index.NoTerm()} }

// Give takes note of a new term.
func (c *Record) Give(term index.Term) {
	c.given = append(c.given, term)
	c.given = c.given[max(len(c.given)-maxGiven, 0):]
}

// Newest returns the term that the coordinator knows this process by.
func (c *Record) Newest() index.Term {
	if len(c.given) == 0 {
		return index.NoTerm()
	}
	return c.given[len(c.given)-1]
}

// Mine reports whether the term was given to this process.
func (c *Record) Mine(term index.Term) bool { return slices.Contains(c.given, term) }

// Marked takes note of a marker.
//
// A claim ends its transaction with a commit. So a marker that aborts is no claim. The coordinator
// left it when it ended the open transaction of a claim. That claim was this process's, or it had
// this process's producer id and so the same transactional id.
func (c *Record) Marked(term index.Term, aborts bool) {
	if !aborts {
		c.last = term
	}
	switch {
	case !aborts && c.Mine(term):
		c.own, c.rival = term, false
		c.given = c.given[slices.Index(c.given, term):]
	case aborts && term.ProducerID == c.own.ProducerID:
	default:
		c.rival = true
		c.signs++
	}
}

// Undisputed reports whether an own marker was read, and no marker of others behind it. Then nobody
// else owns the partition, as far as it was read.
func (c *Record) Undisputed() bool { return c.own != index.NoTerm() && !c.rival }

// Counted takes note of records that count.
func (c *Record) Counted(records int) { c.signs += int64(records) }

// Own returns the term of the newest own marker.
func (c *Record) Own() index.Term { return c.own }

// Last returns the term of the newest marker of a claim, whoever made it.
func (c *Record) Last() index.Term { return c.last }

// Signs counts the markers of others and the records that count, as far as they were read. They
// show that another owner lives while this process is none.
func (c *Record) Signs() int64 { return c.signs }
