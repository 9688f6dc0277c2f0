package schema

import (
	"context"
	"errors"
)

// Unavailable reports whether the fault is not in what was asked, so that it may be answered later: the registry was away, it did not
// take this program's credentials, which may be given again, or the call was broken off. Whoever reads events waits then, and
// does not set the event aside.
func (e *RegistryError) Unavailable() bool {
	for _, passes := range []error{ErrUnavailable, ErrUnauthorized, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(e, passes) {
			return true
		}
	}
	return false
}
