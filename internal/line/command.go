package line

import "hash/maphash"

// Of returns a queued commit that the command made in the partition key of the aggregate, or nil.
func (q *Queue) Of(aggregateID, commandID string) *Commit {
	if commandID == "" {
		return nil
	}
	key := q.cfg.Key.Of(aggregateID)
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.commands[q.commandHash(key, commandID)]
	if c == nil || c.CommandID() != commandID || q.cfg.Key.Of(c.parts[0].ID) != key {
		return nil
	}
	return c
}

// noteCommand notes that a commit of its command is queued. It keeps the first one of a command. Of
// two commands with one hash it keeps the first, too. Nobody will meet that. q.mu is held.
func (q *Queue) noteCommand(c *Commit) {
	if c.CommandID() == "" {
		return
	}
	c.hash = q.commandHash(q.cfg.Key.Of(c.parts[0].ID), c.CommandID())
	if q.commands[c.hash] == nil {
		q.commands[c.hash] = c
	}
}

// forgetCommand is called when a commit is answered. q.mu is held.
func (q *Queue) forgetCommand(c *Commit) {
	if c.CommandID() != "" && q.commands[c.hash] == c {
		delete(q.commands, c.hash)
	}
}

func (q *Queue) commandHash(partitionKey, commandID string) uint64 {
	return maphash.String(q.seed, partitionKey)*31 + maphash.String(q.seed, commandID)
}
