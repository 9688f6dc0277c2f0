// Package access tells what brokers refuse for good, a connection or a request, from what may pass
// if it is tried again, and says what is missing. Its functions have no state.
package access
