// Package deadletters is the dead-letter topic, for those who look after it: [Open] serves tools
// that open no store. A store serves the same by its method DeadLetters.
//
// The package handles no events. The subscriptions that run do what is asked here. A [Topic] may be
// used by any number of goroutines.
package deadletters
