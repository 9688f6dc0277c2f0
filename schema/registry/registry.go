package registry

import (
	"context"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
)

// Registry keeps schemas: every schema has an id, and every subject a list of schemas, its
// versions. A registered schema never changes, so an id and a version mean the same for ever.
//
// All errors are *[Error]. Implementations may be called by any number of goroutines.
type Registry interface {
	// Lookup finds schemas. Find also fails with [ErrRefused] if the registry answers with a schema
	// whose values are other bytes.
	schema.Lookup

	// Register makes text the next version of the subject, unless it is one of its versions
	// already. It returns what Find returns afterwards. A text known under another subject keeps
	// its id.
	//
	// It fails with [schema.ErrIncompatible] if text breaks the compatibility level of the subject,
	// and with [schema.ErrInvalidSchema] if text is no Avro schema.
	Register(ctx context.Context, subject, text string) (schema.Registered, error)

	// Latest returns the highest version of the subject, and asks anew each time.
	// It fails with [schema.ErrNotFound] if the subject has no version.
	Latest(ctx context.Context, subject string) (schema.Registered, error)

	// Versions returns all versions of the subject, in order, and asks anew each time.
	// It fails with [schema.ErrNotFound] if the subject has no version.
	Versions(ctx context.Context, subject string) ([]schema.Registered, error)

	// Subjects returns the subjects that have a version, in order, and asks anew each time.
	Subjects(ctx context.Context) ([]string, error)

	// SetCompatibility sets what Register asks of the subject's next versions. The subject need not
	// have a version yet. Until then a registry decides by itself, usually [change.Backward]. It
	// fails with [ErrRefused] if there is no such level.
	SetCompatibility(ctx context.Context, subject string, level change.Compatibility) error
}
