// Package schematest helps to test what package schema is used with: that a change of a schema
// breaks nobody, that what is written is released, and that everything ever released still loads;
// that schema files describe the Go types they are said to ([CheckDerived]); and that an Avro
// engine keeps every promise of [schema.Engine] ([TestEngine], [FuzzEngine]).
//
// Its functions report through the test that is given to them, and touch no server but a registry
// that they are given.
package schematest
