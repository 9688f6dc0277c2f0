// Package wire is the form that events have on Kafka: one record an event, its header as record
// headers of UTF-8 text, its value untouched; one record batch for the commits of one request.
//
// It sends and stores nothing. Its functions may be called concurrently.
package wire
