// Package blame says whom an error of a handler is to be blamed on: the event, the handler's code,
// or nobody here, as where a peer is away.
//
// It knows the errors of package eventstore and of the network, and none of a particular store. It
// decides nothing: package subscription does. Its functions may be called concurrently.
package blame
