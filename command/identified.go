package command

import (
	"fmt"
	"reflect"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/dispatch"
)

// Identified is a command whose id follows from its content, such as a posting's from its
// transaction. [Bus.Dispatch] takes that id for the command's id, so every sender of the command
// gives it the same one. [WithID] with another id is refused. Commands are passed by value, so a
// value must have the method.
//
// The id is that of the command which Dispatch gets. Dispatch does not ask a command again that
// middleware passes on.
type Identified interface {
	// CommandID returns the id, which follows the rules of [Metadata]. It returns an empty id if
	// this value names none. Then the id is that of WithID, or a new one. CommandID must be pure.
	CommandID() string
}

// identify makes the id that cmd names the draft's. It fails with an *[eventstore.InvalidError] if
// the draft has another id.
func identify(d *dispatch.Draft, cmd any) error {
	c, ok := cmd.(Identified)
	if !ok {
		return nil
	}
	id := c.CommandID()
	switch {
	case id == "":
	case !d.ID.Is:
		d.ID = dispatch.Give(id)
	case d.ID.Text != id:
		return &eventstore.InvalidError{
			Field: "command id of WithID",
			Found: quoted(d.ID.Text),
			Want:  quoted(id) + ", which the command names itself: leave the option out",
		}
	}
	return nil
}

// quoted returns an id in quotes, for errors. It cuts what is longer than an id may be.
func quoted(id string) string { return fmt.Sprintf("%.*q", eventstore.MaxIDBytes, id) }

// onValues fails if a pointer to C implements the interface I and C itself does not. Commands are
// passed by value, so nobody would ever call the method.
func onValues[C, I any](method string) error {
	g, i := reflect.TypeFor[C](), reflect.TypeFor[I]()
	if g.Implements(i) || g.Kind() == reflect.Pointer || !reflect.PointerTo(g).Implements(i) {
		return nil
	}
	return &eventstore.InvalidError{
		Field: fmt.Sprintf("method %s of %s", method, g), Found: "a pointer as its receiver",
		Want: "a value: a command is passed by value",
	}
}
