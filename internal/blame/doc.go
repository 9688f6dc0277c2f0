// Package blame says who is to blame for an error of a handler. It may be the event, or the
// handler's code, or nobody here, such as where a peer is away.
//
// It knows the errors of package eventstore and of the network, and none of a particular store. It
// decides nothing: package subscription does. Its functions may be called concurrently.
package blame
