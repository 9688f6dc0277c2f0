// Package line is the line of commits that wait to be stored in one partition. It says in which
// order they are written, what may be decided on them before, and who learns of it when one fails.
// [Queue] states the invariants Q1 to Q7.
//
// It writes nothing. It knows neither the log nor the index: one function tells it which version of
// a stream is stored. It never starts a goroutine.
//
// A [Queue] may be used by any number of callers. One goroutine, the owner, takes commits and
// answers them.
package line
