package aggregate

import (
	"context"

	"github.com/fencelog/fencelog/event"
)

// Codec turns events into bytes and back. Package schema has one for Avro, and package jsoncodec
// one for JSON. Any number of goroutines may call its methods.
type Codec interface {
	// Bind prepares the codec for the given types. It is called at start-up. It reports all
	// mistakes at once: types for which the codec has no schema, and types whose schema does not
	// fit the Go type.
	Bind(ctx context.Context, types []event.Type) error

	// Encode returns an event, which is a value of t.Go, as bytes. It also returns the schema
	// revision of these bytes. The bytes share nothing with the event.
	Encode(ctx context.Context, t event.Type, e any) (value []byte, revision int, err error)

	// Decode reads a value that Encode of this or an earlier revision wrote. It writes the event to
	// where into points; into is a pointer to a t.Go. Fields that value does not have get their
	// defaults. The event shares nothing with value.
	//
	// If t has a Revision, an upcaster reads the event. Then t.Go has the shape of that revision,
	// by which Bind found it. Decode gets values of that revision and of earlier ones. No such type
	// is ever encoded.
	Decode(ctx context.Context, t event.Type, value []byte, into any) error
}
