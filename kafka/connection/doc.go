// Package connection says how a client reaches the brokers of a Kafka cluster: their addresses,
// TLS, SASL, secrets, and the errors of brokers that refuse a client for good.
//
// One [Config] serves all rooms: package kafka opens a store with it, and package topics creates
// topics.
//
// The package never opens a connection, and never reads or writes events. All of it may be used by
// any number of goroutines, as long as nobody changes a [Config] or a [tls.Config] that is in use.
package connection
