// Package schematest has checks of schemas for the tests of services and engines:
//
//   - [Compatible]: a change of a schema breaks no reader.
//   - [Released]: a service writes only released schemas.
//   - [Golden]: the events of every released revision still load.
//   - [CheckDerived]: schema files fit their Go types.
//   - [TestEngine], [FuzzEngine]: an Avro engine keeps every promise of [schema.Engine].
//
// Its functions report through the test that is given to them. They never touch a server, except a
// registry that is given to them, and never write a file.
package schematest
