// Package storetest is what the tests of the rooms around package kafka share: stores on brokers in
// this process, streams and records to append, other programs that write to the topics, and changes
// of topics.
//
// No program imports it. Its functions may be called by tests that run at the same time.
package storetest
