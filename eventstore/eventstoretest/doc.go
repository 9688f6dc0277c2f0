// Package eventstoretest holds the one conformance suite that every implementation of
// [eventstore.Store] passes: [Run] is the contract as a program.
//
// The suite opens the store once and uses it for all its parts, so it can afford a store that is
// expensive to open. It tells its own records from others' by fresh stream ids. So categories need
// not be empty, and others may append to them meanwhile. It needs some 6,000 appends.
//
// A part of it is random. If that part fails, it prints the seed and the shortest history that
// still fails. The flags -rapid.checks, -rapid.steps and -rapid.seed of the test binary steer it.
//
// The package is meant for tests only. It keeps no state between runs; several may run
// concurrently.
package eventstoretest
