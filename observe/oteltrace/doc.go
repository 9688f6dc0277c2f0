// Package oteltrace traces Fencelog with OpenTelemetry. Each command, query, append and handled
// event is a span, in the trace of the request that set it off.
//
// The events of a command carry the W3C traceparent of its span in their headers, in the topic too.
// A handler that gets them anywhere goes on with that trace. The events do not carry trace state
// and baggage.
//
// It sets none of OpenTelemetry's globals, and may be used concurrently. The core packages do not
// know it.
package oteltrace
