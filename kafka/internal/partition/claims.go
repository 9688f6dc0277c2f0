package partition

import (
	"slices"

	"github.com/fencelog/fencelog/internal/index"
)

// maxGiven bounds the terms that are remembered until a marker of theirs, or of a later one, has been read.
const maxGiven = 16

// claims is what this process knows of its own claims, and what the markers that were read say of them. It decides nothing about what counts: only
// whose claim it is that the log shows.
type claims struct {
	given []index.Term // by the coordinator to this process, the newest last
	last  index.Term   // of the newest marker that is a claim's, anybody's
	own   index.Term   // of the newest own marker
	rival bool         // there is somebody else's marker behind it
	signs int64        // others' markers, and records that count, as far as they were read
}

func noClaims() claims { return claims{last: index.NoTerm(), own: index.NoTerm()} }

// give takes note of a new term.
func (c *claims) give(term index.Term) {
	c.given = append(c.given, term)
	c.given = c.given[max(len(c.given)-maxGiven, 0):]
}

// newest returns the term that the coordinator knows this process by.
func (c *claims) newest() index.Term {
	if len(c.given) == 0 {
		return index.NoTerm()
	}
	return c.given[len(c.given)-1]
}

// mine reports whether the term was given to this process.
func (c *claims) mine(term index.Term) bool { return slices.Contains(c.given, term) }

// saw takes note of a marker.
//
// A claim ends its transaction with a commit. So a marker that aborts is no claim: the coordinator left it when it ended a transaction that a
// claim had open, this process's or, with its producer id, one of the same transactional id.
func (c *claims) saw(term index.Term, aborts bool) {
	if !aborts {
		c.last = term
	}
	switch {
	case !aborts && c.mine(term):
		c.own, c.rival = term, false
		c.given = c.given[slices.Index(c.given, term):]
	case aborts && term.ProducerID == c.own.ProducerID:
	default:
		c.rival = true
		c.signs++
	}
}

// undisputed reports whether the newest own marker is there, and behind it nobody else's: nobody else owns the partition, as far as it
// was read.
func (c *claims) undisputed() bool { return c.own != index.NoTerm() && !c.rival }
