package history

import (
	"fmt"
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

// state is a stream in the sequential model: a list of commits, newest first.
type state struct {
	version int64
	hash    uint64 // of the event ids, in order
	newest  *stored
}

type stored struct {
	before      *stored
	command     string
	first, last int64
}

// commandOf returns the commit that the command made.
func (s state) commandOf(command string) *stored {
	if command == "" {
		return nil
	}
	for c := s.newest; c != nil; c = c.before {
		if c.command == command {
			return c
		}
	}
	return nil
}

// chain hashes lists of event ids. The hash of a longer list follows from that of a shorter one.
type chain struct{ seed maphash.Seed }

func (c chain) extend(hash uint64, event string) uint64 {
	return maphash.Comparable(c.seed, link{hash, event})
}

type link struct {
	hash  uint64
	event string
}

func (c chain) of(events []string) uint64 {
	var h uint64
	for _, e := range events {
		h = c.extend(h, e)
	}
	return h
}

// step is an operation, with what its answer or the log has told of it.
type step struct {
	op   Op
	seen uint64 // hash of the events that a read saw, or that an append was decided on
}

// model returns the contract of eventstore.Store for one stream.
func (c chain) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{} },
		Equal: func(a, b any) bool {
			return a.(state).version == b.(state).version && a.(state).hash == b.(state).hash
		},
		Step: func(s, input, _ any) (bool, any) {
			before := s.(state)
			ok, after := c.step(before, input.(*step))
			return ok, after
		},
		DescribeOperation: func(input, _ any) string { return input.(*step).op.String() },
		DescribeState:     func(s any) string { return fmt.Sprintf("version %d", s.(state).version) },
	}
}

func (c chain) step(s state, in *step) (bool, state) {
	o := &in.op
	if o.Kind != Append {
		return int64(len(o.Seen)) == s.version && in.seen == s.hash, s
	}
	made := s.commandOf(o.Command)
	switch {
	case o.Outcome == Appended && o.Repeated:
		return made != nil && made.first == o.First && made.last == o.Last, s
	case made != nil:
		return false, s // the command was stored, so its result is the only right answer
	case o.Outcome == Conflict:
		return o.Expected != Any && o.Expected != s.version && o.Actual == s.version, s
	}
	if o.Queued && o.Expected != Any && in.seen != s.hash {
		return false, s // it was decided on other events
	}
	if o.Expected != Any && o.Expected != s.version || o.First != s.version+1 || o.Last != s.version+int64(o.Events) {
		return false, s
	}
	after := state{
		version: o.Last, hash: s.hash,
		newest: &stored{before: s.newest, command: o.Command, first: o.First, last: o.Last},
	}
	for i := range o.Events {
		after.hash = c.extend(after.hash, o.EventID(i))
	}
	return true, after
}
