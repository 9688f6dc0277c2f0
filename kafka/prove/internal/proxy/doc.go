// Package proxy stands between one Kafka client and the brokers, and fails as networks do: it cuts
// connections, delays what passes, holds it back in one or both directions and delivers it late,
// refuses new connections, and loses the answer to a produce, or to a claim's request, that the
// broker has carried out.
//
// A [Proxy] listens once for each broker. Clients connect to the addresses that brokers tell them;
// the proxy puts its own in their place, so nothing goes past it. It understands no more of the
// protocol than that, and never changes or makes up a request or a record.
//
// All methods may be called by any number of goroutines.
package proxy
