// Package access says which refusals of brokers are final. Any other error may pass if the same is
// tried again. Brokers can refuse a connection or a request. The package says what is missing. Its
// functions have no state.
package access
