package aggregate

import (
	"context"

	"github.com/fencelog/fencelog/event"
)

// Codec turns events into bytes and back; package schema has one for Avro. Its methods may be called
// by any number of goroutines.
type Codec interface {
	// Bind prepares for the given types. It is called at start-up and reports, all at once, the types
	// for which the codec has no schema, or one that does not fit the Go type.
	Bind(ctx context.Context, types []event.Type) error

	// Encode returns the event, a value of t.Go, as bytes, and the schema revision they are in. The bytes share nothing with the event.
	Encode(ctx context.Context, t event.Type, e any) (value []byte, revision int, err error)

	// Decode reads what Encode of this or an earlier revision wrote into the event that into, a
	// pointer to a t.Go, points to. Fields that value does not have get their defaults. The event shares nothing with value.
	//
	// A t with a Revision is what an upcaster reads: t.Go has the shape of that revision, which Bind found it by, and is
	// given values of it and of earlier ones. No such type is ever encoded.
	Decode(ctx context.Context, t event.Type, value []byte, into any) error
}
