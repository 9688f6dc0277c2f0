package bank

import (
	"reflect"
	"slices"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// origins finds out which operation asked for each commit of the log. It checks that the commit is
// what that operation asked for, whole, once, and of one bank.
func (c *checker) origins() {
	for i := range c.h.Log {
		found := commit{Commit: &c.h.Log[i], known: Forever}
		first := &found.Records[0]
		id := history.OpOf(first.Event)
		plan, err := planOf(first.Value)
		switch found.op = c.byID[id]; {
		case found.op == nil:
			c.report(RuleOrigin, "partition %d offset %d holds event %s, of no operation", found.Partition,
				found.Offset, first.Event)
		case err != nil:
			c.report(RuleOrigin, "partition %d offset %d, event %s: %v", found.Partition, found.Offset, first.Event,
				err)
		default:
			found.plan = plan
			c.asked(&found)
			c.whole(&found)
			if before, twice := c.at[id]; twice {
				c.report(RuleStored, "%s: in the log at offsets %d and %d", found.op, c.commits[before].Offset,
					found.Offset)
			} else {
				c.at[id] = len(c.commits)
			}
		}
		c.oneKey(&found)
		c.commits = append(c.commits, found)
	}
}

// asked checks that the plan is the one that the process gave to the store. If the process was gone
// before it said so, the plan must fit what the client asked for.
func (c *checker) asked(found *commit) {
	op, p := found.op, found.plan
	if op.Plan != nil {
		if !reflect.DeepEqual(op.Plan, p) {
			c.report(RuleWhole, "%s: offset %d holds the plan %+v, and the store was given %+v", op, found.Offset, *p,
				*op.Plan)
		}
		return
	}
	o := &op.Order
	allowed := append([]string{o.From, FreezeOf(o.Bank)}, o.To...)
	strange := slices.ContainsFunc(p.Writes, func(w Write) bool { return !slices.Contains(allowed, w.Stream) })
	if strange || p.Op != op.ID || p.Command != o.Command || p.Digest != o.Digest || !o.Writes() ||
		!slices.Equal(p.Commands, o.Commands) {
		c.report(RuleOrigin, "%s: offset %d holds the plan %+v, which was not asked for", op, found.Offset, *p)
	}
}

// whole checks that the records are those of the plan.
func (c *checker) whole(found *commit) {
	p := found.plan
	if len(found.Records) != len(p.Writes) {
		c.report(RuleWhole, "%s: offset %d holds %d events, expected %d", found.op, found.Offset, len(found.Records),
			len(p.Writes))
		return
	}
	if several := len(p.streams()) > 1; several != found.Several {
		c.report(RuleWhole, "%s: offset %d has the headers of a commit of several streams: %t, expected %t", found.op,
			found.Offset, found.Several, several)
	}
	for i := range found.Records {
		r := &found.Records[i]
		value, err := p.Value(i)
		digest := p.Digest
		if i > 0 {
			digest = ""
		}
		if err != nil || r.Event != p.EventID(i) || r.Stream != p.Writes[i].Stream || r.Value != string(value) ||
			r.Command != p.Command || r.Digest != digest ||
			r.Partition != found.Partition || r.Offset != found.Offset+int64(i) {
			c.report(RuleWhole, "%s: partition %d offset %d holds event %s of %s, command %q, digest %q, value %q "+
				"as event %d of the plan %+v", found.op, r.Partition, r.Offset, r.Event, r.Stream, r.Command, r.Digest,
				r.Value, i, *p)
		}
	}
}

// oneKey checks that all streams of a commit are of this bank, and all commits in one partition.
func (c *checker) oneKey(found *commit) {
	if first := &c.h.Log[0]; found.Partition != first.Partition {
		c.report(RuleKey, "partition %d offset %d holds a commit to %s, and so does partition %d", found.Partition,
			found.Offset, c.h.Bank, first.Partition)
	}
	for i := range found.Records {
		if r := &found.Records[i]; Of(r.Stream) != c.h.Bank {
			c.report(RuleKey, "partition %d offset %d holds event %s of %s, in a commit to %s", r.Partition, r.Offset,
				r.Event, r.Stream, c.h.Bank)
		}
	}
}

// outcomes compares each answer with the log.
func (c *checker) outcomes() {
	for i := range c.h.Ops {
		op := &c.h.Ops[i]
		place, stored := c.at[op.ID]
		if op.Order.Kind == Across && op.Outcome != Invalid && op.Outcome != Failed && op.Outcome != Unknown {
			c.report(RuleKey, "%s: expected to be refused as invalid", op)
		}
		switch {
		case op.Outcome == Unknown:
			if stored {
				c.verdict.UnknownStored++
			}
		case op.Outcome != Written:
			if stored {
				c.report(RuleNotStored, "%s: in the log at offset %d", op, c.commits[place].Offset)
			}
		case !stored:
			c.report(RuleStored, "%s: not in the log", op)
		default:
			if is := c.commits[place].result(); !is.same(&op.Result) || !is.Time.Equal(op.Result.Time) {
				c.report(RuleStored, "%s, at %s: in the log it is %v, at partition %d offset %d, at %s", op,
					op.Result.Time, is.Parts, is.Partition, is.Offset, is.Time)
			}
			c.commits[place].learn(op.Return)
		}
	}
}

// learn notes that somebody knew of the commit at that time.
func (c *commit) learn(at int64) { c.known = min(c.known, at) }

// result returns what the commit did, as the log has it.
func (c *commit) result() Result {
	last := &c.Records[len(c.Records)-1]
	r := Result{Partition: last.Partition, Offset: last.Offset, Time: last.Time}
	for i := range c.Records {
		stream, version := c.Records[i].Stream, c.Records[i].Version
		at := slices.IndexFunc(r.Parts, func(p Part) bool { return p.Stream == stream })
		if at < 0 {
			r.Parts = append(r.Parts, Part{stream, version, version})
		} else {
			r.Parts[at].Last = version
		}
	}
	return r
}

// same reports whether both results are of one commit.
func (r *Result) same(other *Result) bool {
	return slices.Equal(r.Parts, other.Parts) && r.Partition == other.Partition && r.Offset == other.Offset
}
