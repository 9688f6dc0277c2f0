// Package storetest is shared by the tests of the rooms around package kafka. It has stores on
// brokers in this process, and streams and records to append. It has other programs that write to
// the topics, and changes of topics.
//
// No program imports it. Its functions may be called by tests that run at the same time.
package storetest
