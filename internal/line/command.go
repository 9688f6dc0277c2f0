package line

import "hash/maphash"

// Of returns a queued commit that the command made in the partition key of the aggregate, or nil.
func (q *Queue) Of(aggregateID, commandID string) *Commit {
	return q.find(aggregateID, commandID, func(*Commit) bool { return true })
}

// Shows reports whether the lines have a commit that the command made in the partition key of the
// aggregate.
func (q *Queue) Shows(aggregateID, commandID string) bool {
	return q.find(aggregateID, commandID, func(c *Commit) bool { return c.place == inLine }) != nil
}

func (q *Queue) find(aggregateID, commandID string, fits func(*Commit) bool) *Commit {
	if commandID == "" {
		return nil
	}
	key := q.cfg.Key.Of(aggregateID)
	q.mu.Lock()
	defer q.mu.Unlock()
	for c := q.commands[q.commandHash(key, commandID)]; c != nil; c = c.alike {
		if c.CommandID() == commandID && q.cfg.Key.Of(c.parts[0].ID) == key && fits(c) {
			return c
		}
	}
	return nil
}

// noteCommand notes that a commit of its command is queued, behind the first one with the same
// hash. q.mu is held.
func (q *Queue) noteCommand(c *Commit) {
	if c.CommandID() == "" {
		return
	}
	c.hash = q.commandHash(q.cfg.Key.Of(c.parts[0].ID), c.CommandID())
	if first := q.commands[c.hash]; first != nil {
		c.alike, first.alike = first.alike, c
		return
	}
	q.commands[c.hash] = c
}

// forgetCommand is called when a commit is answered. q.mu is held.
func (q *Queue) forgetCommand(c *Commit) {
	if c.CommandID() == "" {
		return
	}
	switch before := q.commands[c.hash]; {
	case before != c:
		for before.alike != c {
			before = before.alike
		}
		before.alike = c.alike
	case c.alike != nil:
		q.commands[c.hash] = c.alike
	default:
		delete(q.commands, c.hash)
	}
	c.alike = nil
}

func (q *Queue) commandHash(partitionKey, commandID string) uint64 {
	return maphash.String(q.seed, partitionKey)*31 + maphash.String(q.seed, commandID)
}
