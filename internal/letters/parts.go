package letters

import (
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// Parts returns what became of the other records of a letter's commit for the letter's handler.
// commit is the records of the commit, committed is the group's offset of the partition. The caller
// asks for that offset first. Then the ledger must learn all that the log has: an event that the
// offset passes is handled, or its letter is in the log.
func (g *Ledger) Parts(letter *Entry, commit []eventstore.Record, committed int64) []subscription.Part {
	var parts []subscription.Part
	for i := range commit {
		r := &commit[i]
		if r.Position.Offset == letter.Offset {
			continue
		}
		id, keys := letter.LetterID, letter.Keys() // a commit has one partition key
		id.Offset, keys.Stream = r.Position.Offset, r.AggregateID
		state := g.state(id, keys)
		switch {
		case state != "":
		case id.Offset < committed:
			state = subscription.StateHandled
		default:
			state = subscription.StateUnhandled
		}
		parts = append(parts, subscription.Part{
			Stream: r.Stream(), Version: r.AggregateVersion, Offset: id.Offset, State: state,
		})
	}
	return parts
}

// state returns what the log says of an event that may be a letter, or nothing.
func (g *Ledger) state(id subscription.LetterID, keys Key) subscription.State {
	l := g.lanes[laneOf(id)]
	if l == nil {
		return ""
	}
	switch open := l.open[id.Offset]; {
	case open != nil && open.Waiting:
		return subscription.StateWaiting
	case open != nil:
		return subscription.StateDead
	case l.parked.handled.has(id.Offset):
		return subscription.StateHandled
	case l.parked.discarded.has(id.Offset):
		return subscription.StateDiscarded
	case l.parked.Passed(keys, id.Offset):
		return subscription.StateHandled
	}
	return ""
}
