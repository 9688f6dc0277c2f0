// Package proxy stands between one Kafka client and the brokers, and fails as networks do. It cuts
// connections, and refuses new ones. It delays what passes, or holds it back in one or both
// directions and delivers it late. It also loses the answer to a produce, or to a request of a
// claim or barrier, that the broker has carried out.
//
// A [Proxy] listens once for each broker. Clients connect to the addresses that brokers tell them.
// The proxy puts its own addresses in their place, so nothing goes past it. It understands little
// more of the protocol than that. It never changes or invents a request or a record.
//
// All methods may be called by any number of goroutines.
package proxy
