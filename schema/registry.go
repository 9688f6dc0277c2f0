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

	// Find returns what text is registered as under the subject; white space does not count.
	// Errors: [ErrNotFound], and [ErrInvalidSchema] if text is no Avro schema.
	Find(ctx context.Context, subject, text string) (Registered, error)

	// Register makes text the next version of the subject, unless it is one of its versions already; either way it
	// returns what Find then returns. A text known under another subject keeps its id.
	// Errors: [ErrIncompatible] if data of the subject's latest version cannot be read with text,
	// [ErrInvalidSchema] if text is no Avro schema.
	Register(ctx context.Context, subject, text string) (Registered, error)

	// Latest returns the highest version of the subject, or [ErrNotFound]. It asks anew each time.
	Latest(ctx context.Context, subject string) (Registered, error)
}

// Registered is one version of a subject.
type Registered struct {
	Subject string
	ID      int // unique in the registry, from 1
	Version int // within the subject, from 1
	Text    string
}

// Subject returns the subject of a record's schemas by TopicRecordNameStrategy, such as
// "billing.account.events-billing.account.AccountCreated". The record's name includes its namespace.
func Subject(topic, record string) string { return topic + "-" + record }
