// Package delivery orders what the handler of one partition is given: a key's records one at a time and in order, the keys
// independent of one another, and an offset to commit that never passes a record which is not done.
//
// A [Window] says what may run next, and a [Runner] runs it; what failed for good it has written as a dead letter. The package asks no broker
// itself. A Window is used by one goroutine, a Runner runs once.
package delivery
