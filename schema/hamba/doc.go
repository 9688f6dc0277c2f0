// Package hamba is a second Avro engine for package schema, over github.com/hamba/avro/v2:
//
//	codec, err := schema.NewCodec(registry, sources, schema.Config{Engine: hamba.Engine{}})
//
// It reads what the default engine wrote, and the other way round. Take it where a program has that
// library already; it is archived and has unfixed advisories (schema/adr/0001-two-avro-engines.md),
// which is why it has a package of its own: a program that does not import this package does not
// link the library.
//
// No byte reaches the library before it was checked: [Engine] first walks through the value by the
// writer's schema and refuses what is cut short, too long, out of range or claims more than it
// holds. What the library cannot do, or does wrongly without saying so, is refused with
// [schema.ErrUnsupported]: at start-up where it is about the program's own schema, and at the first
// value of an old revision where it is about that.
//
// An Engine may be used by any number of goroutines.
package hamba
