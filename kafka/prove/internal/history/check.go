package history

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Violation is a broken promise, or a promise that could not be checked: see Undecided.
type Violation struct {
	Rule   string // short, such as "acknowledged append in the log"
	Stream string
	Text   string // what was found and what was expected
}

// Undecided reports whether this is no broken promise. Then the checker could neither confirm nor
// refute the promise in time.
func (v Violation) Undecided() bool { return v.Rule == RuleUndecided }

// String returns the violation in a line.
func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.Rule, v.Stream, v.Text) }

// The rules that Check knows.
const (
	RuleStored       = "acknowledged is in the log, once"
	RuleNotStored    = "refused is not in the log"
	RuleCommand      = "a command is stored once"
	RuleOrigin       = "the log holds only what was asked for"
	RuleWhole        = "a commit is whole"
	RuleLinearizable = "linearizable"
	RulePrefix       = "a read is a prefix of the log"
	RuleMonotone     = "a store never goes back"
	RuleRefusal      = "a refusal is not told from the past"
	RuleUndecided    = "the checker came to an end"
)

// checkTimeout bounds the search for a linearization of one stream's history.
const checkTimeout = 8 * time.Minute

// Check judges the history of one stream. ops are its operations, and log is what the topic holds
// of it.
//
// Every read, every refusal and every append with an answer must be linearizable. An append has an
// answer if it was stored, repeated, or refused for its expectation.
//
// The contract makes one exception. Another store may have overtaken a store (see [Owners]). That
// store may answer reads and tell conflicts from a state that has passed, but never a [Refusal].
// Even then the state must fulfil these conditions:
//   - it existed, no later than the answer;
//   - it holds all that was acknowledged anywhere before the store began to open;
//   - it holds all that the same store answered earlier.
//
// If diagram is not empty, Check writes a picture of a history that is not linearizable to that
// file.
func Check(ops []Op, owners Owners, log []Record, diagram string) []Violation {
	c := &checker{ops: ops, owners: owners, log: log, byID: make(map[int64]*Op, len(ops)), at: make(map[int64]int64)}
	for i := range ops {
		c.byID[ops[i].ID] = &ops[i]
		if c.name == "" {
			c.name = ops[i].Stream
		}
	}
	c.originOfLog()
	c.outcomes()
	c.prefixes()
	c.monotone()
	c.refusals()
	c.linearizable(diagram)
	return c.found
}

type checker struct {
	name   string
	ops    []Op
	owners Owners
	log    []Record
	byID   map[int64]*Op
	at     map[int64]int64 // op → the version of its first event in the log
	found  []Violation
}

func (c *checker) report(rule, format string, args ...any) {
	c.found = append(c.found, Violation{Rule: rule, Stream: c.name, Text: fmt.Sprintf(format, args...)})
}

// originOfLog checks that the log consists of whole commits of operations. Each operation and each
// command may be there once.
func (c *checker) originOfLog() {
	commands := make(map[string]int64)
	for i := 0; i < len(c.log); {
		r := &c.log[i]
		id := OpOf(r.Event)
		op := c.byID[id]
		if op == nil {
			c.report(RuleOrigin, "offset %d holds event %s, of no operation", r.Offset, r.Event)
			i++
			continue
		}
		for n := range op.Events {
			if i >= len(c.log) {
				c.report(RuleWhole, "%s: the log ends after %d of its events", op, n)
				break
			}
			r := &c.log[i]
			if r.Event != op.EventID(n) || r.Command != op.Command || r.First != c.log[i-n].Version ||
				r.Length != op.Events ||
				n > 0 && r.Offset != c.log[i-1].Offset+1 {
				c.report(RuleWhole, "%s: offset %d holds event %s of command %q and commit %d+%d in its place",
					op, r.Offset, r.Event, r.Command, r.First, r.Length)
			}
			i++
		}
		if v, twice := c.at[id]; twice {
			c.report(RuleStored, "%s: in the log at versions %d and %d", op, v, r.Version)
			continue
		}
		c.at[id] = r.Version
		if other, twice := commands[op.Command]; twice && op.Command != "" {
			c.report(RuleCommand, "command %s: %s and %s", op.Command, c.byID[other], op)
		}
		commands[op.Command] = id
	}
}

// outcomes compares each answer with the log.
func (c *checker) outcomes() {
	for i := range c.ops {
		op := &c.ops[i]
		version, stored := c.at[op.ID]
		switch {
		case op.Kind != Append || op.Outcome == Unknown:
		case op.Outcome != Appended || op.Repeated:
			if stored {
				c.report(RuleNotStored, "%s: in the log at version %d", op, version)
			}
		case !stored, op.Last > int64(len(c.log)):
			c.report(RuleStored, "%s: not in the log", op)
		default:
			last := c.log[op.Last-1]
			if version != op.First || last.Partition != op.Partition || last.Offset != op.Offset {
				c.report(RuleStored, "%s, at partition %d offset %d: in the log at version %d, "+
					"its last event at partition %d offset %d",
					op, op.Partition, op.Offset, version, last.Partition, last.Offset)
			}
		}
	}
}

// prefixes checks that the events that were read, and the version that a conflict names, were in
// the log by then.
func (c *checker) prefixes() {
	for i := range c.ops {
		op := &c.ops[i]
		n, ok := op.observed()
		if !ok || n == 0 {
			continue
		}
		if n > int64(len(c.log)) {
			c.report(RulePrefix, "%s: the log has %d events", op, len(c.log))
			continue
		}
		for v, event := range op.Seen {
			if c.log[v].Event != event {
				c.report(RulePrefix, "%s: version %d is event %s, in the log it is %s", op, v+1, event, c.log[v].Event)
				break
			}
		}
		if made := c.byID[OpOf(c.log[n-1].Event)]; made != nil && made.Call > op.Return {
			c.report(RulePrefix, "%s: shows what was asked for later, %s", op, made)
		}
		if op.Outcome == Conflict && op.Actual == op.Expected {
			c.report(RulePrefix, "%s: the stream is where it was expected", op)
		}
	}
}

// owned reports whether the store that answered certainly owned the stream's partition until then.
func (c *checker) owned(op *Op) bool {
	partition := int32(-1) // not known for a stream without events
	if len(c.log) > 0 {
		partition = c.log[0].Partition
	}
	return c.owners.Owned(op.Store, partition, op.Return)
}

// seenBy is a version that was certain at a time.
type seenBy struct{ at, version int64 }

// monotone checks that no store goes back. It must not show less than it has shown before, or than
// was acknowledged before it began to open.
func (c *checker) monotone() {
	byStore := make(map[int][]*Op)
	var acknowledged []seenBy
	for i := range c.ops {
		op := &c.ops[i]
		byStore[op.Store] = append(byStore[op.Store], op)
		if op.Outcome == Appended {
			acknowledged = append(acknowledged, seenBy{op.Return, op.Last})
		}
	}
	for store, ops := range byStore {
		opening := c.owners.Openings[store].Call
		var floor []seenBy
		for _, a := range acknowledged {
			if a.at < opening {
				floor = append(floor, a)
			}
		}
		for _, op := range ops {
			if n, ok := op.observed(); ok {
				floor = append(floor, seenBy{op.Return, n})
			}
		}
		c.notBelow(ops, floor)
	}
}

func (c *checker) notBelow(ops []*Op, floor []seenBy) {
	slices.SortFunc(floor, func(a, b seenBy) int { return cmp.Compare(a.at, b.at) })
	slices.SortFunc(ops, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	var low int64
	for _, op := range ops {
		for len(floor) > 0 && floor[0].at < op.Call {
			low = max(low, floor[0].version)
			floor = floor[1:]
		}
		if n, ok := op.observed(); ok && n < low && !op.Repeated {
			c.report(RuleMonotone, "%s: shows version %d, but this store knew of version %d before", op, n, low)
		}
	}
}

// linearizable searches an order of the operations that the model allows.
func (c *checker) linearizable(diagram string) {
	hashes := chain{seed: maphash.MakeSeed()}
	all := c.effects(hashes)
	if l := narrow(all); l != nil {
		c.report(RuleLinearizable, "%s: the versions leave it no time, as it would have to be after "+
			"%.6f s and before %.6f s",
			&l.step.op, seconds(l.call), seconds(l.result))
		return
	}
	h := make([]porcupine.Operation, len(all))
	for i, l := range all {
		h[i] = porcupine.Operation{ClientId: max(0, l.step.op.Client), Input: &l.step, Call: l.call, Return: l.result}
	}
	model := hashes.model()
	switch porcupine.CheckOperationsTimeout(model, h, checkTimeout) {
	case porcupine.Ok:
	case porcupine.Unknown:
		c.report(RuleUndecided, "%d operations, undecided after %s", len(h), checkTimeout)
	case porcupine.Illegal:
		where := ""
		if diagram != "" {
			_, info := porcupine.CheckOperationsVerbose(model, h, checkTimeout)
			if err := porcupine.VisualizePath(model, info, diagram); err == nil {
				where = ", drawn in " + diagram
			}
		}
		c.report(RuleLinearizable, "no order of its %d operations explains all answers%s", len(h), where)
	}
}

// effects returns the operations that had an effect or saw something exact.
func (c *checker) effects(hashes chain) []*linear {
	var all []*linear
	for i := range c.ops {
		op := c.ops[i]
		version, stored := c.at[op.ID]
		l := &linear{call: op.Call, result: op.Return}
		switch op.Outcome {
		case Unknown:
			if !stored {
				continue // the log says that it never happened
			}
			op.Outcome, op.First, op.Last = Appended, version, version+int64(op.Events)-1
		case Conflict, Answered:
			if op.Kind != Refusal && !c.owned(&op) {
				continue // prefixes and monotone have judged it
			}
			l.after, _ = op.observed()
		case Appended:
			l.after = op.Last
		case NotAppended, Failed:
			continue
		}
		l.step = step{op: op, seen: hashes.of(op.Seen)}
		all = append(all, l)
	}
	return all
}
