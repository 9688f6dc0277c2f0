package owner

import (
	"context"
	"errors"
	"slices"

	"github.com/fencelog/fencelog/eventstore"
)

// Check answers a commit without records: see [eventstore.Store]. The tips are those of its
// expectations, in their order.
func (o *Owner) Check(ctx context.Context, c eventstore.Commit, tips []*Tip) (eventstore.Result, error) {
	if c.CommandID != "" {
		r, found, err := o.first(ctx, c)
		if found || err != nil {
			return r, err
		}
	}
	for i, e := range c.Expect {
		if !e.Version.Met(tips[i].version) {
			return eventstore.Result{}, conflictOf(e, tips[i].version)
		}
	}
	var asked question
	again := false // whether the versions must be compared once more
	if !readTogether(tips) {
		asked = o.proofs.ask(o.cfg.Broken.StaleProof)
		var err error
		if again, err = o.stand(tips); err != nil {
			return eventstore.Result{}, err
		}
	}
	for _, e := range c.ExpectCommands { // the answer of one that is queued is not known yet
		if err := o.awaitCommand(ctx, c.Stream().ID, e.CommandID); err != nil {
			return eventstore.Result{}, err
		}
	}
	if err := o.commandsHold(c, true); err != nil {
		return eventstore.Result{}, err
	}
	if slices.Contains(c.ExpectCommands, eventstore.CommandExpectation{CommandID: c.CommandID, Applied: true}) {
		r, _, err := o.first(ctx, c) // it is there by now
		return r, err
	}
	if err := o.await(ctx, c, tips, asked, again); err != nil {
		return eventstore.Result{}, err
	}
	return eventstore.Result{}, o.commandsHold(c, false)
}

// await waits until it is certain that all the streams ended at their tips at one moment after the
// last of them was read. For that, the commits that the tips rest on must be stored. A batch or a
// barrier that was begun after the last stream was read must also be stored (see [proofs]). An
// unconfirmed check does without the latter.
//
// When the last stream was read, or the check began, all streams stood at their tips: what was
// stored of them, and then their lines. Any commit that was queued then is in one of the lines or
// beside one. Those in the lines are stored in the order of the queue. When the last of them is
// stored, all streams end at their tips. Any other commit entered later, and is stored later.
//
// That holds under one term. If the owner has claimed again meanwhile, another process may have
// written to a stream for which nothing was queued (P4 of [proofs]). Then await compares the
// versions once more. It also does so
//   - if a commit was beside a line at that moment: that may have been stored behind a tip;
//   - if the check expects that a command is applied. That may have been applied after the streams
//     were read, and it was before they are compared.
func (o *Owner) await(
	ctx context.Context, c eventstore.Commit, tips []*Tip, asked question, again bool,
) error {
	queued := false
	for _, t := range tips {
		if err := t.stored(ctx); err != nil {
			return err
		}
		asked = asked.later(t.asked)
		// The stored end of one stream was there when it was read, whatever was queued beside it.
		again, queued = again || t.beside && (len(tips) > 1 || !c.Unconfirmed), queued || t.on != nil
	}
	for _, e := range c.ExpectCommands {
		again = again || e.Applied
	}
	switch {
	case c.Unconfirmed:
		again = again || len(tips) > 1 && o.proofs.renewed(asked)
	case o.cfg.Broken.NoProof && !queued:
		return o.queue.Stopped()
	default:
		err := o.proofs.await(ctx, asked, o.queue.Knock)
		if err != nil && !errors.Is(err, errAnotherTerm) {
			return err
		}
		if err != nil {
			return o.compare(tips, true)
		}
	}
	if !again {
		return nil
	}
	return o.compare(tips, false)
}

// compare fails with a *[eventstore.ConflictError] if a stream does not end at its tip any more, or
// if the partition was claimed again.
func (o *Owner) compare(tips []*Tip, claimed bool) error {
	for _, t := range tips {
		version, err := o.cfg.Index.Version(t.stream.ID)
		switch {
		case err != nil:
			return err
		case claimed || version != t.version:
			return t.overtaken(version)
		}
	}
	return nil
}

// commandsHold returns nil unless a command that should be applied is not, or the other way round.
// A command that is applied now goes on to be. One that is not applied now was not applied before.
// So Check looks at those that should be applied before it compares the versions, and at the others
// afterwards.
func (o *Owner) commandsHold(c eventstore.Commit, should bool) error {
	for _, e := range c.ExpectCommands {
		if e.Applied != should {
			continue
		}
		applied, err := o.cfg.Index.Applied(c.Stream().ID, e.CommandID)
		if err != nil {
			return err
		}
		if applied != e.Applied {
			return &eventstore.CommandConflictError{Stream: c.Stream(), CommandID: e.CommandID, Applied: applied}
		}
	}
	return nil
}

// awaitCommand waits until a commit of the command is stored, or none is queued.
func (o *Owner) awaitCommand(ctx context.Context, aggregateID, commandID string) error {
	for queued := o.queue.Of(aggregateID, commandID); queued != nil; queued = o.queue.Of(aggregateID, commandID) {
		select {
		case <-queued.Done():
		case <-ctx.Done():
			return &UnprovenError{context.Cause(ctx)}
		}
		if applied, err := o.cfg.Index.Applied(aggregateID, commandID); applied || err != nil {
			return err
		}
	}
	return nil
}

// first returns the result of the commit that the check's command has made before. It waits until
// that commit is stored.
func (o *Owner) first(ctx context.Context, c eventstore.Commit) (r eventstore.Result, found bool, err error) {
	id := c.Stream().ID
	if err := o.awaitCommand(ctx, id, c.CommandID); err != nil {
		return r, true, err
	}
	stored, err := o.cfg.Index.Look(id, c.CommandID)
	if err != nil || !stored.Repeated {
		return r, false, err
	}
	r = o.firstResult(c.Stream().Category, stored)
	if err := c.Repeats(r, stored.Digest); err != nil {
		return eventstore.Result{}, true, err
	}
	return again(r), true, nil
}
