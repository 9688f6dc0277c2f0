package aggregate

// Change is what a decision does to one aggregate.
type Change[S any] struct {
	ID     string     // of the aggregate
	Events []Event[S] // none: the change does nothing
}

// On returns the change that adds the events to the aggregate with the id. The compiler infers the
// type of the state from the events:
//
//	aggregate.On(t.From, Debited{Amount: t.Amount})
func On[S any](id string, events ...Event[S]) Change[S] { return Change[S]{ID: id, Events: events} }
