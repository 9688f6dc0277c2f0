// Package ids makes unique ids. It keeps no state and may be called concurrently.
package ids

import "github.com/google/uuid"

// New returns a new UUID of version 7 (RFC 9562) as text. It is unique, and ordered by time to the
// millisecond. The order keeps indexes over such ids compact.
func New() string { return uuid.Must(uuid.NewV7()).String() }
