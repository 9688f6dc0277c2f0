package owner

import (
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// check decides each commit against the index and the commits before it, and answers those that
// need no write. After an error the batch has all commits that were not answered.
func (o *Owner) check(commits []*line.Commit) (*batch, error) {
	b := &o.batch
	b.reset()
	b.latest = time.Unix(0, o.cfg.Index.Checkpoint().Time).UTC()
	for i, c := range commits {
		if err := o.checkOne(b, c); err != nil {
			b.open = append(b.open, commits[i:]...)
			return b, err
		}
	}
	return b, nil
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
	found, err := o.judge(b, c, stored.Version)
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
	return o.add(b, c, stored.Version)
}

// finding is why a commit is not written; nothing if it is.
type finding struct {
	conflict error
	pending  bool // the conflict rests on a write of the batch
}

// judge compares what the commit expects with how everything is when the commit is written behind
// the batch. stored is the version in the index of the commit's first stream.
//
// Invariant 7 (Q4 of [line.Queue]): if a commit rests on one that was not stored in its place, it
// is not written, whatever the versions.
func (o *Owner) judge(b *batch, c *line.Commit, stored int64) (finding, error) {
	if c.RestsOnBroken() && !o.cfg.Broken.KeepDecisions {
		e := c.BrokenTip()
		version, pending, err := o.versionOf(b, c, e.Stream.ID, stored)
		return finding{conflictOf(e, version), pending}, err
	}
	for _, e := range c.Expect() {
		if o.cfg.Broken.NoVersionCheck || o.cfg.Broken.ReadsUnchecked && !c.Writes(e.Stream.ID) {
			continue
		}
		version, pending, err := o.versionOf(b, c, e.Stream.ID, stored)
		if err != nil || !e.Version.Met(version) {
			return finding{conflictOf(e, version), pending}, err
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

// versionOf returns the version of a stream behind the batch. It is pending if a write of the batch
// made it. stored is the version in the index of the commit's first stream.
func (o *Owner) versionOf(
	b *batch, c *line.Commit, id string, stored int64,
) (version int64, pending bool, err error) {
	if version, pending = b.versions[id]; pending {
		return version, true, nil
	}
	if id == c.Parts()[0].ID {
		return stored, false, nil
	}
	version, err = o.cfg.Index.Version(id)
	return version, false, err
}

// add adds the commit to the writes of the batch.
func (o *Owner) add(b *batch, c *line.Commit, stored int64) error {
	parts := c.Parts()
	b.before = b.before[:0]
	for i := range parts {
		version, _, err := o.versionOf(b, c, parts[i].ID, stored)
		if err != nil {
			return err
		}
		b.before = append(b.before, version)
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
