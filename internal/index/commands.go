package index

import (
	"hash/maphash"
	"strings"
)

// commands says at which version of its stream a command's commit ends. It is used where the
// partition key is the whole id. Most commands are kept by a hash, because
// maps without pointers cost little. So the caller of find must compare the command at that
// version.
type commands struct {
	seed   maphash.Seed
	byHash map[uint64]int64
	others map[command]int64 // those whose hash was taken
}

type command struct{ aggregateID, id string }

func newCommands() commands {
	return commands{seed: maphash.MakeSeed(), byHash: make(map[uint64]int64)}
}

func (c *commands) hash(aggregateID, commandID string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(aggregateID) // neither fails
	_, _ = h.WriteString(commandID)
	return h.Sum64()
}

func (c *commands) add(aggregateID, commandID string, last int64) {
	h := c.hash(aggregateID, commandID)
	if _, taken := c.byHash[h]; !taken {
		c.byHash[h] = last
		return
	}
	if c.others == nil {
		c.others = make(map[command]int64)
	}
	c.others[command{strings.Clone(aggregateID), strings.Clone(commandID)}] = last
}

func (c *commands) find(aggregateID, commandID string) (last int64, ok bool) {
	if last, ok = c.others[command{aggregateID, commandID}]; ok {
		return last, true
	}
	last, ok = c.byHash[c.hash(aggregateID, commandID)]
	return last, ok
}
