// Package connection says how a client reaches the brokers of a Kafka cluster: their addresses,
// TLS, SASL and secrets. It also has the errors of brokers that refuse a client for good.
//
// One [Config] serves all rooms: package kafka opens a store with it, and package topics creates
// topics.
//
// The package never opens a connection, and never reads or writes events. Any number of goroutines
// may use all of it, as long as nobody changes a [Config] or a [tls.Config] that is in use.
package connection
