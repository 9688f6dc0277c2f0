package aggregate

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
)

// Decider is a command that decides what happens to an aggregate whose state is S.
type Decider[S any] interface {
	// Decide returns the events, none if there is nothing to do, or a refusal. It must be pure.
	Decide(state S) ([]Event[S], error)
}

// Handle returns the handler of a command type that decides by itself, for command.Register. It updates the aggregate whose id
// the command names:
//
//	command.Register(bus, aggregate.Handle(accounts, func(c CreditAccount) string { return c.AccountID }))
//
// Errors are those of [Repository.Update].
func Handle[S any, C Decider[S]](
	r *Repository[S], id func(C) string, options ...UpdateOption,
) func(context.Context, C) (eventstore.Outcome, error) {
	return func(ctx context.Context, c C) (eventstore.Outcome, error) {
		return r.Update(ctx, id(c), c.Decide, options...)
	}
}
