package schema

import (
	"context"
)

// Registry keeps schemas: every schema has an id, and every subject a list of schemas, its versions. What is
// registered never changes, so an id and a version mean the same for ever.
//
// All errors are *[RegistryError]. Implementations may be called by any number of goroutines.
type Registry interface {
	// Schema returns the text of the schema that has the id, or [ErrNotFound].
	Schema(ctx context.Context, id int) (text string, err error)

	// Find returns what text is registered as under the subject. White space does not count, nor whether a name is written with its namespace
	// or apart from it. Documentation and aliases count, except in Apicurio: there a change of nothing else is no new version.
	// Errors: [ErrNotFound], [ErrInvalidSchema] if text is no Avro schema, and [ErrRefused] if the registry answers with a schema whose values are
	// other bytes.
	Find(ctx context.Context, subject, text string) (Registered, error)

	// Register makes text the next version of the subject, unless it is one of its versions already; either way it
	// returns what Find then returns. A text known under another subject keeps its id.
	// Errors: [ErrIncompatible] if text breaks the compatibility level of the subject, [ErrInvalidSchema] if it
	// is no Avro schema.
	Register(ctx context.Context, subject, text string) (Registered, error)

	// Latest returns the highest version of the subject, or [ErrNotFound]. It asks anew each time.
	Latest(ctx context.Context, subject string) (Registered, error)

	// Versions returns all versions of the subject, in order, or [ErrNotFound] if it has none. It asks anew each time.
	Versions(ctx context.Context, subject string) ([]Registered, error)

	// Subjects returns the subjects that have a version, in order. It asks anew each time.
	Subjects(ctx context.Context) ([]string, error)

	// SetCompatibility sets what Register asks of the subject's next versions; the subject need not have one yet.
	// Until then a registry decides by itself, usually [Backward]. Errors: [ErrRefused] for a level that there is not.
	SetCompatibility(ctx context.Context, subject string, level Compatibility) error
}

// Registered is one version of a subject.
type Registered struct {
	Subject string
	ID      int // unique in the registry, from 1
	Version int // within the subject, from 1
	Text    string
}
