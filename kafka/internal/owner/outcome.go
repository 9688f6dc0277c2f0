package owner

import (
	"slices"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
)

// repeating returns the answer to a commit whose command has made one before. first and digest are
// those of that commit. It fails with a *[eventstore.CommandReusedError] if the two are not the
// same.
func (o *Owner) repeating(c *line.Commit, first eventstore.Result, digest string) (eventstore.Result, error) {
	if o.cfg.Broken.DigestsIgnored {
		digest = ""
	}
	if err := c.Repeats(first, digest); err != nil {
		return eventstore.Result{}, err
	}
	return again(first), nil
}

// again returns the result of a commit as the answer to a repetition.
func again(first eventstore.Result) eventstore.Result {
	first.Streams = slices.Clone(first.Streams)
	first.Repeated, first.Time = true, time.Time{}
	return first
}

// firstResult returns the result of the commit that a look has found.
func (o *Owner) firstResult(category string, found index.Found) eventstore.Result {
	r := eventstore.Result{Position: found.Position, Streams: make([]eventstore.Written, len(found.Written))}
	for i, w := range found.Written {
		r.Streams[i] = eventstore.Written{
			Stream: eventstore.Stream{Category: category, ID: w.ID}, First: w.First, Last: w.Last,
		}
	}
	return r
}

// resultOf returns what a commit did where it was placed.
func resultOf(c *line.Commit, at event.Position, t time.Time) eventstore.Result {
	parts := c.Parts()
	r := eventstore.Result{Streams: make([]eventstore.Written, len(parts)), Position: at, Time: t}
	for i, p := range parts {
		r.Streams[i] = eventstore.Written{
			Stream: eventstore.Stream{Category: c.Category(), ID: p.ID}, First: p.First, Last: p.Last(),
		}
	}
	return r
}

// resultIn returns the commit's result if the index holds the commit. It compares the id of the
// last event.
func resultIn(idx *index.Partition, c *line.Commit) (r eventstore.Result, found bool, err error) {
	if !c.Sent {
		return r, false, nil
	}
	records := c.Records()
	last := &records[len(records)-1]
	stored, ok, err := idx.At(last.AggregateID, last.AggregateVersion)
	if err != nil || !ok || stored.ID != last.ID {
		return r, false, err
	}
	return resultOf(c, stored.Position, stored.Timestamp), true, nil
}
