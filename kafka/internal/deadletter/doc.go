// Package deadletter is the form of the dead-letter topic, and what its records come to: which events of a partition are set
// aside for a handler, by key and in order.
//
// The topic is a log of what happened to letters; nothing in it is changed or removed. A letter is known by its handler and
// the topic, partition and offset of its event, so a record that is there twice counts once. The package sends and reads nothing.
// Its functions may be called concurrently, a [Parked] may not.
package deadletter
