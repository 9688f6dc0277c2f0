// Package client is a client of the brokers whose connections can be cut below requests that wait:
// Sarama's, made from a [connection.Config]. It says at once why brokers refuse it, and asks
// another broker where one does not answer.
//
// It decides nothing about events. A [Client] may be used by any number of goroutines.
package client
