package aggregate

import (
	"context"

	"github.com/fencelog/fencelog/eventstore"
)

// Decider is a command that decides by itself what happens to an aggregate. S is the state of the
// aggregate.
type Decider[S any] interface {
	// Decide returns the events, or a refusal. It returns no events if there is nothing to do. It
	// must be pure.
	Decide(state S) ([]Event[S], error)
}

// Handle returns the handler of a command type that decides by itself, for command.Register. The
// handler updates the aggregate whose id the command names:
//
//	command.Register(bus, aggregate.Handle(accounts, func(c CreditAccount) string { return c.AccountID }))
//
// Its errors are those of [Repository.Update].
func Handle[S any, C Decider[S]](
	r *Repository[S], id func(C) string, options ...UpdateOption,
) func(context.Context, C) (eventstore.Outcome, error) {
	return func(ctx context.Context, c C) (eventstore.Outcome, error) {
		return r.Update(ctx, id(c), c.Decide, options...)
	}
}

// HandleAll returns the handler of a command type that decides by itself over several aggregates of
// one partition key, for command.Register. Its method Decide takes a [Group]. HandleAll takes that
// method as an expression, from which the compiler infers the types:
//
//	func (t Transfer) Decide(accounts *aggregate.Group[Account]) ([]aggregate.Change[Account], error)
//
//	command.Register(bus, aggregate.HandleAll(accounts, Transfer.Decide))
//
// Its errors are those of [Repository.UpdateAll].
func HandleAll[S, C any](
	r *Repository[S], decide func(C, *Group[S]) ([]Change[S], error), options ...UpdateOption,
) func(context.Context, C) (eventstore.Outcome, error) {
	return func(ctx context.Context, c C) (eventstore.Outcome, error) {
		return r.UpdateAll(ctx, func(g *Group[S]) ([]Change[S], error) { return decide(c, g) }, options...)
	}
}
