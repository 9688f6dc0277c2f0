package refusal

import "errors"

// Code names a reason for a refusal, such as "InsufficientFunds". It never changes once it is
// published. A Code is an error, and the sentinel of its reason.
type Code string //nolint:errname // a code is a word that happens to be an error

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Of returns the code of the refusal that err is or wraps, and whether there is one. There is none
// for nil, nor for failures such as a broker that is away.
func Of(err error) (Code, bool) {
	var c Code
	ok := errors.As(err, &c)
	return c, ok
}
