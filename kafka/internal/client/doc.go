// Package client is a client of the brokers: Sarama's, made from a [connection.Config]. Its
// connections can be cut below requests that wait. It says at once why brokers refuse it. If a
// broker does not answer, it asks another one.
//
// It decides nothing about events. A [Client] may be used by any number of goroutines.
package client
