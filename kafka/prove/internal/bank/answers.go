package bank

import "slices"

// prefixes checks the stored events that were read. They are in the log as they were read, and no
// event was read before it was asked for.
func (c *checker) prefixes() {
	for i := range c.h.Ops {
		op := &c.h.Ops[i]
		for _, seen := range op.Seen {
			s := c.stream(seen.Stream)
			if !s.holds(seen.Version, seen.Event) {
				if seen.Unstored == 0 {
					c.report(RulePrefix, "%s: %s has %d events in the log", op, seen.Stream, s.version())
				}
				continue
			}
			if seen.Version == 0 {
				continue
			}
			at := s.entry(seen.Version)
			if at.balance != seen.Balance {
				c.report(RulePrefix, "%s: %s is worth %d at version %d", op, seen.Stream, at.balance, seen.Version)
			}
			made := &c.commits[at.place]
			if made.called() > op.Return {
				c.report(RulePrefix, "%s: shows what was asked for later, %s", op, made.op)
			}
			if seen.Unstored == 0 {
				made.learn(op.Return)
			}
		}
	}
}

// repetitions checks what is told of commands.
func (c *checker) repetitions() {
	for i := range c.h.Ops {
		op := &c.h.Ops[i]
		place, applied := c.commands[op.Order.Command]
		switch op.Outcome {
		case Repeated, Reused:
			if !applied || op.Order.Command == "" {
				c.report(RuleCommand, "%s: the log holds no commit of the command", op)
				continue
			}
			first := &c.commits[place]
			if first.called() > op.Return {
				c.report(RuleCommand, "%s: tells of what was asked for later, %s", op, first.op)
			}
			if same := op.repeats(first); same != (op.Outcome == Repeated) {
				c.report(RuleCommand, "%s: the log holds the commit of command %s with digest %q at offset %d, to %v",
					op, op.Order.Command, first.Records[0].Digest, first.Offset, first.result().Parts)
				continue
			}
			if is := first.result(); op.Outcome == Repeated && !is.same(&op.Result) {
				c.report(RuleCommand, "%s: the first result is %v at partition %d offset %d", op, is.Parts,
					is.Partition, is.Offset)
			}
			first.learn(op.Return)
		case Told:
			c.told(op)
		default:
		}
	}
}

// repeats reports whether the operation's commit is the same as the one that its command made.
func (o *Op) repeats(first *commit) bool {
	digest := first.Records[0].Digest
	if digest != "" && o.Order.Digest != "" && digest != o.Order.Digest {
		return false
	}
	if o.Plan == nil || len(o.Plan.Writes) == 0 {
		return true
	}
	var wrote []string
	for _, p := range first.result().Parts {
		wrote = append(wrote, p.Stream)
	}
	writes := o.Plan.streams()
	slices.Sort(wrote)
	slices.Sort(writes)
	return slices.Equal(wrote, writes)
}

// told checks the answer to whether a command is applied. The answer may rest on a queued commit
// that is never stored. A store that was overtaken and does not know it yet may not know of the
// commit. But it knows what was known before it began to open, and what it has stored itself.
func (c *checker) told(op *Op) {
	command := op.Order.Command
	asked := func(other *Op) bool {
		return other.Order.Command == command && other.Order.Writes() && other.Call < op.Return
	}
	if op.Applied {
		if !slices.ContainsFunc(c.h.Ops, func(other Op) bool { return asked(&other) }) {
			c.report(RuleApplied, "%s: nobody had asked for it", op)
		}
		return
	}
	place, applied := c.commands[command]
	if !applied {
		return
	}
	first := &c.commits[place]
	opening := c.h.Stores[op.Store].Call
	for i := range c.h.Ops {
		other := &c.h.Ops[i]
		wrote := other == first.op && other.Outcome == Written
		if (wrote || other.Outcome == Repeated && asked(other)) &&
			(other.Return < opening || other.Store == op.Store && other.Return < op.Call) {
			c.report(RuleApplied, "%s: before, %s", op, other)
			return
		}
	}
}
