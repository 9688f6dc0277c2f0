package owner

import (
	"slices"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
)

// repeating returns the answer to a commit whose command id the stream holds already. first and
// digest are those of the commit in the stream. It fails with a *[eventstore.CommandReusedError] if
// that commit was made by another command.
func repeating(c *line.Commit, first eventstore.Result, digest string) (eventstore.Result, error) {
	return again(c.Stream(), c.CommandID(), c.Records()[0].CommandDigest, first, digest)
}

// again does the same as repeating, for a command that makes no commit now. given is its digest.
func again(
	stream eventstore.Stream, commandID, given string, first eventstore.Result, digest string,
) (eventstore.Result, error) {
	if !eventstore.SameCommand(digest, given) {
		return eventstore.Result{}, &eventstore.CommandReusedError{
			Stream: stream, CommandID: commandID, Stored: digest, Given: given,
		}
	}
	first.Streams = slices.Clone(first.Streams)
	first.Repeated, first.Time = true, time.Time{}
	return first, nil
}

// resultOf returns what a commit did to its one stream.
func resultOf(stream eventstore.Stream, first, last int64, at event.Position, t time.Time) eventstore.Result {
	return eventstore.Result{
		Streams: []eventstore.Written{{Stream: stream, First: first, Last: last}}, Position: at, Time: t,
	}
}

// resultIn returns the commit's result if the index holds the commit. It compares the id of the
// last event.
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
	return resultOf(c.Stream(), c.First(), c.Last(), stored.Position, stored.Timestamp), true, nil
}
