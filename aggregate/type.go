package aggregate

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// Event is an event of the aggregate whose state is S. Plain structs implement it, with value
// receivers.
type Event[S any] interface {
	// EventType returns the durable name of the event's type, the same for every value of the type.
	// This name is stored. Once an event is stored, the name must not change, while the Go type
	// may.
	EventType() string

	// Apply changes the state to what it is after the event. It must not fail. It must depend on
	// nothing but the event and the state, because it runs whenever the aggregate is loaded.
	Apply(state *S)
}

// Type describes the aggregates of a category: the category and the types of their events.
type Type[S any] struct {
	name  string // the category
	types *event.Types
	past  map[string][]step[S] // upcasters by event name, the oldest first
	err   error
}

// NewType returns the type of the aggregates of a category, with one value of each of their event
// types. The fields of these values do not matter. An event of another aggregate does not compile:
//
//	var Accounts = aggregate.NewType[Account]("Account", AccountCreated{}, AccountCredited{})
//
// Within a function the compiler infers the type of the state. For a package variable it cannot
// always do so: it does not know methods yet that a later file declares.
//
// NewType keeps all mistakes, and [NewRepository] and Err report them at once. A mistake is
//   - a name that no store takes;
//   - one name for two types;
//   - an event that is no struct.
func NewType[S any](category string, events ...Event[S]) *Type[S] {
	t := &Type[S]{name: category}
	mistakes := []error{eventstore.CheckCategory(category)}
	list := make([]event.Type, 0, len(events))
	for i, e := range events {
		if e == nil {
			mistakes = append(mistakes, fmt.Errorf("event %d is nil; give a value of the event's struct", i+1))
			continue
		}
		g := reflect.TypeOf(e)
		if g.Kind() != reflect.Struct {
			mistakes = append(mistakes,
				fmt.Errorf("event %s is a %s; an event is a struct, passed by value", g, g.Kind()))
			continue
		}
		var bad *eventstore.InvalidError
		if errors.As(eventstore.CheckCategory(e.EventType()), &bad) {
			bad.Field = fmt.Sprintf("name of event %s", g)
			mistakes = append(mistakes, bad)
			continue
		}
		list = append(list, event.Type{Category: category, Name: e.EventType(), Go: g})
	}
	types, err := event.NewTypes(list...)
	t.types = types
	if err := errors.Join(append(mistakes, err)...); err != nil {
		t.err = fmt.Errorf("aggregate type %q: %w", category, err)
	}
	return t
}

// Name returns the category.
func (t *Type[S]) Name() string { return t.name }

// Events returns the event types, by name.
func (t *Type[S]) Events() []event.Type { return t.types.All() }

// Stored returns the types that a codec needs to read whatever is stored: those of Events, and
// those that the upcasters read.
func (t *Type[S]) Stored() []event.Type {
	all := t.types.All()
	for _, s := range t.steps() {
		all = append(all, s.Type)
	}
	return all
}

// Err returns the mistakes made in [NewType], or nil.
func (t *Type[S]) Err() error { return t.err }

// Check returns nil, or an *[UnnamedEventError] for the first event that is not among those of t.
func (t *Type[S]) Check(events ...Event[S]) error {
	for _, e := range events {
		if err := t.check(e); err != nil {
			return err
		}
	}
	return nil
}

// check returns nil, or an *[UnnamedEventError] if e is not among the events of t.
func (t *Type[S]) check(e Event[S]) error {
	g := reflect.TypeOf(e)
	if known, ok := t.types.Of(g); ok && known.Name == e.EventType() {
		return nil
	}
	found := &UnnamedEventError{Category: t.name, Go: g}
	if e != nil && g.Kind() == reflect.Struct {
		found.Name = e.EventType()
	}
	return found
}

// ErrUnnamedEvent says that the type of an event is not among those of its [Type]. See
// [UnnamedEventError] for an event that was to be stored, and [DecodeError] for a stored one.
var ErrUnnamedEvent = errors.New("event type not named")

// UnnamedEventError says that a decision made an event whose type is not among those of its [Type].
// Such an event could be stored but never read again, so nothing was stored. It matches
// [ErrUnnamedEvent].
type UnnamedEventError struct {
	Category string
	Name     string
	Go       reflect.Type
}

// Error says which event and what to do.
func (e *UnnamedEventError) Error() string {
	return fmt.Sprintf(
		"event %v (%q) is not among the events of aggregate type %q: add it to aggregate.NewType, by value",
		e.Go, e.Name, e.Category)
}

// Is matches [ErrUnnamedEvent].
func (e *UnnamedEventError) Is(target error) bool { return target == ErrUnnamedEvent }
