// Package hamba is a second Avro engine for package schema, over github.com/hamba/avro/v2:
//
//	codec, err := schema.NewCodec(registry, sources, schema.Config{Engine: hamba.Engine{}})
//
// It reads the values of the default engine, and the other way round. Take it if a program has that
// library already. The library is archived and has unfixed advisories, see
// schema/adr/0001-two-avro-engines.md. So it has a package to itself, and only programs that import
// the package link it.
//
// [Engine] checks every byte before the library reads it. It walks through the value by the
// writer's schema. It refuses a value that is cut short, too long or out of range, or that claims
// more than it holds.
//
// If the library cannot handle a schema, or would do so wrongly in silence, Engine refuses the
// schema with [schema.ErrUnsupported]. It refuses the program's schema at start-up, and an old
// revision at its first value.
//
// The package never talks to a registry. An Engine may be used by any number of goroutines.
package hamba
