// Package letters says what is set aside of the events that handlers could not handle.
//
// All that happens to a dead letter is an [Entry] of a log; nothing in the log is changed or
// removed. A letter is known by its handler and the topic, partition and offset of its event, so
// an entry that is there twice counts once. [Parked] is what the entries of one partition and one
// handler come to: which events are set aside, by key and in order. [Ledger] is what they come to
// for those who look after letters, and [History] is what happened to one letter.
//
// The package stores nothing, and it knows no encoding of entries. Its functions may be called
// concurrently. A [Parked], a [Ledger] and a [History] are used by one goroutine at a time.
package letters
