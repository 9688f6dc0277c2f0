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
// So a key counts for one account, for ever, wherever the account is served; and a key whose
// request changed nothing is free.
type submission struct {
	key       string
	accountID string
	command   any
	// same finds the event of a transaction that another command posted.
	same func(event.Envelope[any]) bool
}

// submit makes the service apply the command at most once, and returns the first of its events. A
// key that was used before gets the answer that it got then. It is refused if it was used for
// another command.
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
	var made recorder
	err = v.commands.Dispatch(context.WithValue(ctx, recorderKey{}, &made), s.command, command.WithID(s.key))
	if errors.Is(err, eventstore.ErrCommandReused) {
		return e, false, newProblem(http.StatusUnprocessableEntity, string(account.ErrIdempotencyKeyReused),
			fmt.Sprintf("the Idempotency-Key %q was used for another request to account %q: repeat a key only with what it was sent with, "+
				"and give another request a key of its own", s.key, s.accountID))
	}
	if err != nil {
		return e, false, err
	}
	if len(made.events) > 0 {
		return made.events[0], false, nil
	}
	e, err = v.earlier(ctx, s)
	return e, err == nil, err
}

// earlier finds the event of a command that was applied before. If another command posted the same
// transaction, earlier returns a problem that names that command's key. It gives no answer to this
// key, because the answer would not last: the store does not keep the key, so another request may
// use it later.
func (v *service) earlier(ctx context.Context, s submission) (found event.Envelope[any], err error) {
	ok := false
	for e, err := range v.accounts.Repository.History(ctx, s.accountID, 1) {
		if err != nil {
			return found, err
		}
		for _, one := range e.Events {
			envelope := event.Envelope[any]{Header: e.Header, Position: e.Position, Event: one}
			if e.CommandID == s.key {
				return envelope, nil
			}
			if !ok && s.same != nil && s.same(envelope) {
				found, ok = envelope, true
			}
		}
	}
	if !ok {
		return found, fmt.Errorf("command %s was accepted and left no event of account %q", s.key, s.accountID)
	}
	p, _ := postingOf(found)
	return found, newProblem(http.StatusConflict, codePostedAlready,
		fmt.Sprintf("transaction %q was posted to account %q with the Idempotency-Key %q: nothing was changed, and its answer is had with that key",
			p.transactionID, s.accountID, found.CommandID)).header("Location", postingPath(s.accountID, p.transactionID))
}

// recorder keeps the events that are made under its context.
type recorder struct{ events []event.Envelope[any] }

type recorderKey struct{}

// record is the handler of all events; the bus calls it before the command's dispatcher goes on.
func record(ctx context.Context, e event.Envelope[any]) error {
	if r, ok := ctx.Value(recorderKey{}).(*recorder); ok {
		r.events = append(r.events, e)
	}
	return nil
}
