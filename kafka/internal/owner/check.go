package owner

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// Check answers a commit without records: see [eventstore.Store]. The commit has one expectation,
// of the tip's stream.
func (t *Tip) Check(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if c.CommandID != "" {
		r, found, err := t.applied(ctx, c.CommandID, c.Digest)
		if found || err != nil {
			return r, err
		}
	}
	if expected := c.Expect[0].Version; !expected.Met(t.version) {
		return eventstore.Result{}, &eventstore.ConflictError{Stream: t.stream, Expected: expected, Actual: t.version}
	}
	if c.Unconfirmed {
		return eventstore.Result{}, t.Stored(ctx)
	}
	return eventstore.Result{}, t.Await(ctx)
}

// applied returns the result of the commit that the command made in the stream. It waits until that
// commit is stored.
func (t *Tip) applied(ctx context.Context, commandID, digest string) (r eventstore.Result, found bool, err error) {
	if c := t.owner.queue.Of(t.stream.ID, commandID); c != nil {
		select {
		case <-c.Done():
		case <-ctx.Done():
			return r, true, &UnprovenError{context.Cause(ctx)}
		}
		if !c.Stored() {
			return r, true, t.overtaken(c.First() - 1)
		}
		first, _ := c.Outcome()
		r, err = again(t.stream, commandID, digest, first, c.Records()[0].CommandDigest)
		return r, true, err
	}
	stored, err := t.owner.cfg.Index.Look(t.stream.ID, commandID)
	if err != nil || !stored.Repeated {
		return r, false, err
	}
	first := resultOf(t.stream, stored.First, stored.Last, stored.Position, time.Time{})
	r, err = again(t.stream, commandID, digest, first, stored.Digest)
	return r, true, err
}
