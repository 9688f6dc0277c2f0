// Package access tells what brokers refuse for good from what may pass if it is tried again.
// Brokers can refuse a connection or a request. The package says what is missing. Its functions
// have no state.
package access
