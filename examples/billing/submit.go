package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

const replayedHeader = "Idempotent-Replayed"

// Idempotency is what an answer to a command says of its key. It is exported so that the library
// finds its headers where it is embedded.
type Idempotency struct {
	Key      string `header:"Idempotency-Key" doc:"The key of the request, or the one that was made for it."`
	Replayed string `header:"Idempotent-Replayed" doc:"true if the request was answered before, and this is that answer."`
}

// submission is a command with its Idempotency-Key, which is the command's id. The store keeps the
// key and a digest of the command with the events that the command made, in their account's stream.
// So a key counts for one account, for ever, whichever instance serves the account. A key whose
// request changed nothing stays free.
type submission struct {
	key           string
	accountID     string
	transactionID string // that it posts; empty if none
	command       any
}

// submit makes the service apply the command at most once, and returns the first of its events. If
// the key was used for this command before, it gets the answer that it got then. If the key was
// used for another command, it is refused.
func (v *service) submit(ctx context.Context, s submission) (event.Envelope[any], Idempotency, error) {
	id := Idempotency{Key: s.key}
	if err := cmp.Or(ids.CheckName(keyHeader, s.key), ids.CheckFree(keyHeader, s.key)); err != nil {
		return event.Envelope[any]{}, id, v.problemOf(ctx, err)
	}
	e, replayed, err := v.dispatch(ctx, s)
	if err != nil {
		return event.Envelope[any]{}, id, v.problemOf(ctx, err).header(keyHeader, s.key)
	}
	if replayed {
		id.Replayed = "true"
	}
	return e, id, nil
}

// dispatch returns the command's event, and whether it was there before.
func (v *service) dispatch(ctx context.Context, s submission) (e event.Envelope[any], replayed bool, err error) {
	done, err := v.commands.Dispatch(ctx, s.command, command.WithID(s.key))
	switch {
	case errors.Is(err, eventstore.ErrCommandReused):
		return e, false, newProblem(http.StatusUnprocessableEntity, string(account.ErrIdempotencyKeyReused),
			fmt.Sprintf("the Idempotency-Key %q was used for another request to account %q: "+
				"repeat a key only with what it was sent with, and give another "+
				"request a key of its own", s.key, s.accountID))
	case err != nil:
		return e, false, err
	case len(done.Events) == 0:
		return e, false, v.postedAlready(ctx, s)
	}
	first := done.Events[0]
	return event.Envelope[any]{Header: first.Header, Position: first.Position, Event: first.Events[0]}, done.Repeated,
		nil
}

// postedAlready returns the problem of a command that had nothing to do, because another command
// posted the same transaction. The problem names that command's key. The answer is no success,
// because it would not last. The store does not keep this command's key, so another request may use
// the key later.
func (v *service) postedAlready(ctx context.Context, s submission) error {
	for e, err := range v.accounts.Repository.History(ctx, s.accountID, 1) {
		if err != nil {
			return err
		}
		for _, one := range e.Events {
			p, ok := postingOf(event.Envelope[any]{Header: e.Header, Position: e.Position, Event: one})
			if !ok || p.transactionID != s.transactionID {
				continue
			}
			return newProblem(http.StatusConflict, codePostedAlready,
				fmt.Sprintf("transaction %q was posted to account %q with the Idempotency-Key %q: "+
					"nothing was changed, and its answer is had with that key",
					p.transactionID, s.accountID, e.CommandID)).header("Location",
				postingPath(s.accountID, p.transactionID))
		}
	}
	return fmt.Errorf("command %s was accepted and left no event of account %q", s.key, s.accountID)
}
