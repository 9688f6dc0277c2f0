// Package broken lets the proof break the store on purpose, to see that the proof can fail. Only
// tests and the proof's program name rules here: a store without them keeps all that DESIGN.md
// says.
//
// It keeps no state: the broken rules travel in the context that opens a store. It may be used by
// any number of goroutines.
package broken
