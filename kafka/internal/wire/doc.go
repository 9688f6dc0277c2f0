// Package wire is the form that events have on Kafka. An event is one record. Its header is record
// headers of UTF-8 text, and its value is untouched. The commits of one request are one record
// batch.
//
// It sends and stores nothing. Its functions may be called concurrently.
package wire
