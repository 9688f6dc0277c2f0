package aggregate

// Group is the aggregates that one decision looks at. It loads an aggregate when the decision asks
// for it. All aggregates that a decision asks for have one partition key; see
// [eventstore.PartitionKey].
//
// A decision sees all its aggregates, and which commands were applied, as of one moment: it never
// sees a part of a commit. It may see queued commits, which may never be stored; see
// [Repository.Update]. Its events are stored only if all of that is still so. That holds for
// aggregates that it does not change, too.
//
// Only the goroutine that called the decision may use its Group, and only until the decision
// returns. Later the methods panic.
//
// A method does not return if
//   - the aggregate cannot be loaded, or an id breaks a rule;
//   - the aggregate has another partition key than those before;
//   - other commits came between, or one that it has seen was not stored after all;
//   - the command was applied before.
//
// Then it ends the decision by a panic, which [Repository.UpdateAll] recovers. The decision's
// deferred calls run. A decision must not recover panics that are not its own.
type Group[S any] struct {
	state   func(id string) S
	applied func(id, commandID string) bool
}

// NewGroup returns a group that asks these functions. It is for test kits. Package aggregatetest
// has one.
func NewGroup[S any](state func(id string) S, applied func(id, commandID string) bool) *Group[S] {
	return &Group[S]{state: state, applied: applied}
}

// State returns the state of the aggregate with the id. An aggregate without events has the zero
// state. The same id gives the same state again. Callers must not change what its pointers and maps
// refer to.
func (g *Group[S]) State(id string) S { return g.state(id) }

// Applied reports whether the command was applied in the partition key of the aggregate. The
// decision's events are stored only if that is still so. They are stored only if the aggregate,
// too, still stands as it did. So give the id of one that the decision looks at anyway. The group
// asks for all its commands again with each aggregate and each command that is new to it.
func (g *Group[S]) Applied(id, commandID string) bool { return g.applied(id, commandID) }
