// Package retry says what the answer of a broker means for the request that it answers, and how
// long to wait before the request is sent again.
//
// It sends nothing. Its functions may be called by any number of goroutines; a [Backoff] is used by
// one.
package retry
