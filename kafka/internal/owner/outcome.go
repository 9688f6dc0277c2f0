package owner

import (
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
)

// repeating returns what the commit's caller is told where its stream holds a commit of its command
// id, with the result and the digest given. It fails with a *[eventstore.CommandReusedError] if
// that was another command.
func repeating(c *line.Commit, first eventstore.Result, digest string) (eventstore.Result, error) {
	if given := c.Records()[0].CommandDigest; !eventstore.SameCommand(digest, given) {
		return eventstore.Result{}, &eventstore.CommandReusedError{
			Stream: c.Stream(), CommandID: c.CommandID(), Stored: digest, Given: given,
		}
	}
	first.Repeated, first.Time = true, time.Time{}
	return first, nil
}

// resultIn returns the commit's result if the index holds it, by the id of its last event.
func resultIn(idx *index.Partition, c *line.Commit) (r eventstore.Result, found bool, err error) {
	if !c.Sent {
		return r, false, nil
	}
	records := c.Records()
	last := &records[len(records)-1]
	stored, ok, err := idx.At(c.Stream().ID, last.AggregateVersion)
	if err != nil || !ok || stored.ID != last.ID {
		return r, false, err
	}
	return eventstore.Result{
		First: c.First(), Last: c.Last(), Position: stored.Position, Time: stored.Timestamp,
	}, true, nil
}
