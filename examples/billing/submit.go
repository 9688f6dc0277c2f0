package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// fingerprintKey is the metadata of an event that tells for which request its Idempotency-Key was used.
const fingerprintKey = "requestFingerprint"

const replayedHeader = "Idempotent-Replayed"

// Idempotency is what an answer to a command says of its key. It is exported so that the library finds its headers where it is embedded.
type Idempotency struct {
	Key      string `header:"Idempotency-Key" doc:"The key of the request, or the one that was made for it."`
	Replayed string `header:"Idempotent-Replayed" doc:"true if the request was answered before, and this is that answer."`
}

// submission is a command with what makes it the same command when it is sent again.
type submission struct {
	key       string // empty: one is made
	operation string
	accountID string
	body      any // of the request
	command   any
	// same finds the event that did what the command asks for, when a command with another key did it.
	same func(event.Envelope[any]) bool
}

// submit has the command applied at most once, and returns the first of its events. A key that was used before gets the answer that it got
// then; used for another request it is refused.
func (v *service) submit(ctx context.Context, s submission) (event.Envelope[any], Idempotency, error) {
	if s.key == "" {
		s.key = v.newID()
	}
	id := Idempotency{Key: s.key}
	mark, err := fingerprint(s)
	if err != nil {
		return event.Envelope[any]{}, id, v.problemOf(ctx, err)
	}
	a, err := v.answers.enter(ctx, s.key, mark)
	if err != nil {
		return event.Envelope[any]{}, id, v.problemOf(ctx, err).header("Idempotency-Key", s.key)
	}
	defer a.leave()
	if a.refused != nil {
		return event.Envelope[any]{}, id, a.refused.again()
	}
	e, replayed, err := v.dispatch(ctx, s, mark)
	if err != nil {
		p := v.problemOf(ctx, err).header("Idempotency-Key", s.key)
		if final(p) {
			a.refused = p
		}
		return event.Envelope[any]{}, id, p
	}
	if replayed {
		id.Replayed = "true"
	}
	return e, id, nil
}

// again returns the problem as it is told to those who repeat the request.
func (p *problem) again() *problem {
	q := *p
	q.headers = p.headers.Clone()
	return q.header(replayedHeader, "true")
}

// dispatch returns the command's event, and whether it was there before.
func (v *service) dispatch(ctx context.Context, s submission, mark string) (e event.Envelope[any], replayed bool, err error) {
	var made recorder
	err = v.commands.Dispatch(context.WithValue(ctx, recorderKey{}, &made), s.command,
		command.WithID(s.key), command.WithMetadata(map[string]string{fingerprintKey: mark}))
	if errors.Is(err, eventstore.ErrCommandReused) {
		return e, false, keyReused(s.key)
	}
	if err != nil {
		return e, false, err
	}
	if len(made.events) > 0 {
		return made.events[0], false, nil
	}
	e, err = v.earlier(ctx, s)
	if err != nil {
		return e, false, err
	}
	if e.CommandID == s.key && e.Metadata[fingerprintKey] != mark {
		return e, false, keyReused(s.key)
	}
	return e, true, nil
}

// earlier finds the event of a command that was applied before.
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
	return found, nil
}

// fingerprint tells requests apart by what they ask for, not by how it is written.
func fingerprint(s submission) (string, error) {
	body, err := json.Marshal([]any{s.operation, s.accountID, s.body})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16]), nil
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
