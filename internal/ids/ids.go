// Package ids makes unique ids. It keeps no state and may be called concurrently.
package ids

import "github.com/google/uuid"

// New returns a new UUID of version 7 (RFC 9562) as text: unique, and ordered by time
// to the millisecond, which keeps indexes over it compact.
func New() string { return uuid.Must(uuid.NewV7()).String() }
