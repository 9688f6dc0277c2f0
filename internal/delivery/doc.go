// Package delivery delivers events to handlers, whatever the store. It delivers the events of a
// key one at a time and in order, and keys do not wait for one another. The offset to commit never
// passes an event that is not done.
//
// A [Subscriber] is one member of a group, with all that a user sees of it. It runs a [Runner] for
// each partition that its store gives it. A [Window] says what may run next. The Runner calls the
// handler, and writes what failed for good as a dead letter.
//
// The package never knows where events come from, nor where letters are kept: a store tells it, by
// [Store] and [Source]. It decides no more about the members of a group than what its store says.
//
// A Window is used by one goroutine, and a Runner runs once. The methods of a Subscriber, and of
// the [Subscriptions] of a store, may be called by any number of goroutines.
package delivery
