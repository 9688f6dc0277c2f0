package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/billing/refusal"
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

// submission is a command with the key of its request, which is the command's id. The store keeps
// the key and a digest of the command with the events that the command made, in their account's
// stream. So a key counts for one account, for ever, whichever instance serves the account. A key
// whose request changed nothing stays free.
type submission struct {
	key       string
	keyName   string // where the request has it
	accountID string
	command   any
}

// submit makes the service apply the command at most once, and returns the first of its events. If
// the key was used for this command before, it gets the answer that it got then. If the key was
// used for another command, it is refused.
func (v *service) submit(ctx context.Context, s submission) (event.Envelope[any], Idempotency, error) {
	id := Idempotency{Key: s.key}
	done, err := v.commands.Dispatch(ctx, s.command, command.WithID(s.key))
	if errors.Is(err, eventstore.ErrCommandReused) {
		err = reused(s)
	}
	if err != nil {
		return event.Envelope[any]{}, id, v.problemOf(ctx, err).header(keyHeader, s.key)
	}
	if done.Repeated {
		id.Replayed = "true"
	}
	first := done.Events[0] // each command that is accepted makes an event
	return event.Envelope[any]{Header: first.Header, Position: first.Position, Event: first.Events[0]}, id, nil
}

func reused(s submission) *problem {
	return newProblem(statusOf(refusal.CommandReused), string(refusal.CommandReused),
		fmt.Sprintf("the %s %q was used for another request to account %q: send a request again as it was, "+
			"and give another request another %s", s.keyName, s.key, s.accountID, s.keyName))
}
