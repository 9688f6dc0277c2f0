package owner

import (
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// check decides each commit against the index and the commits before it, and answers those that
// need no write. After an error the batch has all commits that were not answered.
func (o *Owner) check(b *batch, commits []*line.Commit) error {
	b.reset()
	b.latest = time.Unix(0, o.cfg.Index.Checkpoint().Time).UTC()
	for i, c := range commits {
		if err := o.checkOne(b, c); err != nil {
			b.open = append(b.open, commits[i:]...)
			return err
		}
	}
	return nil
}

func (o *Owner) checkOne(b *batch, c *line.Commit) error {
	if r, ok, err := resultIn(o.cfg.Index, c); err != nil {
		return err
	} else if ok {
		o.queue.Answer(line.Answer{Commit: c, Result: r})
		return nil
	}
	id := c.Parts()[0].ID
	key := o.commandKey(id, c.CommandID())
	stored, err := o.cfg.Index.Look(id, key.id)
	if err != nil {
		return err
	}
	if key.id != "" {
		if w, twice := b.commands[key]; twice {
			o.queue.Disown(c)
			b.open = append(b.open, c)
			b.repeats, b.first[c] = append(b.repeats, c), w
			return nil
		}
		if stored.Repeated {
			r, err := o.repeating(c, o.firstResult(c.Category(), stored), stored.Digest)
			o.queue.Answer(line.Answer{Commit: c, Result: r, Err: err})
			return nil
		}
	}
	first := end{stored.Version, false}
	if version, pending := b.versions[id]; pending {
		first = end{version, true}
	}
	found, err := o.judge(b, c, first)
	switch {
	case err != nil:
		return err
	case found.pending:
		o.queue.Disown(c)
		b.open = append(b.open, c)
		b.conflicts, b.why[c] = append(b.conflicts, c), found.conflict
		return nil
	case found.conflict != nil:
		o.queue.Answer(line.Answer{Commit: c, Err: found.conflict})
		return nil //nolint:nilerr // the commit's caller is told
	}
	return o.add(b, c, first)
}

// end is the version of a stream behind the batch. It is pending if a write of the batch made it.
type end struct {
	version int64
	pending bool
}

// finding is why a commit is not written; nothing if it is.
type finding struct {
	conflict error
	pending  bool // the conflict rests on a write of the batch
}

// judge compares what the commit expects with how everything is when the commit is written behind
// the batch. first is the end of the commit's first stream.
//
// Invariant 7 (Q4 of [line.Queue]): if a commit rests on one that was not stored in its place, it
// is not written, whatever the versions.
func (o *Owner) judge(b *batch, c *line.Commit, first end) (finding, error) {
	if c.RestsOnBroken() && !o.cfg.Broken.KeepDecisions {
		e := c.BrokenTip()
		at, err := o.endOf(b, c, e.Stream.ID, first)
		return finding{conflictOf(e, at.version), at.pending}, err
	}
	for _, e := range c.Expect() {
		if o.cfg.Broken.NoVersionCheck || o.cfg.Broken.ReadsUnchecked && !c.Writes(e.Stream.ID) {
			continue
		}
		at, err := o.endOf(b, c, e.Stream.ID, first)
		if err != nil || !e.Version.Met(at.version) {
			return finding{conflictOf(e, at.version), at.pending}, err
		}
	}
	return o.judgeCommands(b, c)
}

// judgeCommands does the same for what the commit expects of commands.
func (o *Owner) judgeCommands(b *batch, c *line.Commit) (finding, error) {
	for _, e := range c.ExpectCommands() {
		id := c.Parts()[0].ID
		_, pending := b.commands[o.commandKey(id, e.CommandID)]
		applied := pending
		if !applied {
			var err error
			if applied, err = o.cfg.Index.Applied(id, e.CommandID); err != nil {
				return finding{}, err
			}
		}
		if applied != e.Applied && !o.cfg.Broken.CommandsUnchecked {
			stream := eventstore.Stream{Category: c.Category(), ID: id}
			conflict := &eventstore.CommandConflictError{Stream: stream, CommandID: e.CommandID, Applied: applied}
			return finding{conflict, pending}, nil
		}
	}
	return finding{}, nil
}

// endOf returns the end of a stream. first is that of the commit's first stream.
func (o *Owner) endOf(b *batch, c *line.Commit, id string, first end) (end, error) {
	if id == c.Parts()[0].ID {
		return first, nil
	}
	if version, pending := b.versions[id]; pending {
		return end{version, true}, nil
	}
	version, err := o.cfg.Index.Version(id)
	return end{version, false}, err
}

// add adds the commit to the writes of the batch.
func (o *Owner) add(b *batch, c *line.Commit, first end) error {
	parts := c.Parts()
	b.before = b.before[:0]
	for i := range parts {
		at, err := o.endOf(b, c, parts[i].ID, first)
		if err != nil {
			return err
		}
		b.before = append(b.before, at.version)
	}
	c.Place(func(part int) int64 { return b.before[part] })
	if b.latest.After(c.Records()[0].Timestamp) && !o.cfg.Broken.TimesGoBack {
		o.queue.Postpone(c, b.latest)
	}
	records := c.Records()
	b.latest = records[len(records)-1].Timestamp
	c.Sent = true
	for i := range parts {
		b.versions[parts[i].ID] = parts[i].Last()
	}
	if id := c.CommandID(); id != "" {
		b.commands[o.commandKey(parts[0].ID, id)] = len(b.writes)
	}
	b.open, b.writes = append(b.open, c), append(b.writes, c)
	b.records = append(b.records, records...)
	return nil
}

// commandKey names a command in the partition key of an aggregate.
func (o *Owner) commandKey(aggregateID, commandID string) commandKey {
	return commandKey{o.cfg.Key.Of(aggregateID), commandID}
}

// conflictOf is the error of an expectation whose stream is at another version.
func conflictOf(e eventstore.Expectation, actual int64) error {
	return &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: actual}
}
