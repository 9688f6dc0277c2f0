// Package oteltrace traces Fencelog with OpenTelemetry: a span for each command, query, append and handled event, all in the trace of the request that set
// them off.
//
// What a command does carries the W3C traceparent of its span: the events' headers have it, in the topic too, and a handler that gets them anywhere
// goes on with that trace. Trace state and baggage are not carried.
//
// It sets none of OpenTelemetry's globals, and may be used concurrently. The core packages do not know it.
package oteltrace
