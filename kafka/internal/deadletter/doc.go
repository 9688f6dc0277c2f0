// Package deadletter is the dead-letter topic: its records, and the reading and writing of them.
//
// Package letters says what the records mean together. Package deadletter deletes and changes
// nothing in the topic. A [Writer] and a [Log] may be used by any number of goroutines; its
// functions may be called concurrently.
package deadletter
