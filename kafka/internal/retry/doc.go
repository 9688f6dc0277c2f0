// Package retry says what a broker's answer means for the request, and how long to wait before the
// request is sent again.
//
// It sends nothing. Its functions may be called by any number of goroutines; a [Backoff] is used by
// one.
package retry
