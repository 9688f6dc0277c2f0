package refusal

import (
	"errors"

	"github.com/fencelog/fencelog/eventstore"
)

// Code names a reason for a refusal, such as "InsufficientFunds". It never changes once it is
// published. A Code is an error, and the sentinel of its reason.
type Code string //nolint:errname // a code is a word that happens to be an error

// Error returns the code.
func (c Code) Error() string { return string(c) }

// CommandReused is the code of a command whose id another command had before. The store refuses it,
// whatever the domain would say. [Of] returns this code for [eventstore.ErrCommandReused], which is
// the sentinel for errors.Is.
const CommandReused Code = "CommandReused" //nolint:errname // a code for clients, and no sentinel

// Of returns the code of the refusal that err is or wraps, and whether there is one. There is none
// for nil, nor for failures such as a broker that is away.
func Of(err error) (Code, bool) {
	var c Code
	switch {
	case errors.As(err, &c):
		return c, true
	case errors.Is(err, eventstore.ErrCommandReused):
		return CommandReused, true
	}
	return "", false
}
