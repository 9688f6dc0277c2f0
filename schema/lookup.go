package schema

import "context"

// Lookup is what a codec asks of a schema registry. Every registry of package schema/registry is
// one.
//
// Its errors match [ErrNotFound], [ErrInvalidSchema], [ErrUnauthorized] or [ErrUnavailable], or are
// of another kind. Implementations may be called by any number of goroutines.
type Lookup interface {
	// Schema returns the text of the schema that has the id.
	// It fails with [ErrNotFound] if there is none.
	Schema(ctx context.Context, id int) (text string, err error)

	// Find returns what text is registered as under the subject. White space does not count, nor
	// whether a name is written with its namespace or apart from it. Documentation and aliases
	// count, except in Apicurio: there a change of nothing else is no new version.
	//
	// It fails with [ErrNotFound] if text is not registered there, and with [ErrInvalidSchema] if
	// text is no Avro schema.
	Find(ctx context.Context, subject, text string) (Registered, error)
}

// Registered is one version of a subject.
type Registered struct {
	Subject string
	ID      int // unique in the registry, from 1
	Version int // within the subject, from 1
	Text    string
}
