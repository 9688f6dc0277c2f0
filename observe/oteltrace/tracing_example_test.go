package oteltrace_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/observe/oteltrace"
	"github.com/fencelog/fencelog/query"
)

type AccountCreated struct{}

// parent is the traceparent that the events of a command carry.
const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// tracingInMemory returns tracing whose spans stay in this process.
func tracingInMemory() (*oteltrace.Tracing, *tracetest.InMemoryExporter, error) {
	exporter := tracetest.NewInMemoryExporter()
	tracing, err := oteltrace.New(oteltrace.Config{Provider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))})
	return tracing, exporter, err
}

// The handler that a subscription.Config gets goes on with the trace of the command that made the
// event, in whatever process it runs.
func ExampleTracing_Records() {
	tracing, exporter, err := tracingInMemory()
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := tracing.Records("statements", func(_ context.Context, r eventstore.Record) error {
		fmt.Println("handled", r.ID)
		return nil
	})
	err = handle(context.Background(), eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountCreated", TraceParent: parent},
	})
	span := exporter.GetSpans()[0]
	fmt.Println(span.Name, "in trace", span.SpanContext.TraceID(), err)
	// Output:
	// handled e-1
	// handle AccountCreated in statements in trace 0af7651916cd43dd8448eb211c80319c <nil>
}

// A handler on the bus of this process has a span, too.
func ExampleEvents() {
	tracing, exporter, err := tracingInMemory()
	if err != nil {
		fmt.Println(err)
		return
	}
	types, err := event.NewTypes(event.Type{
		Category: "Account", Name: "AccountCreated", Go: reflect.TypeFor[AccountCreated](),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	bus := event.NewBus(types, event.BusConfig{})
	welcome := func(context.Context, event.Envelope[AccountCreated]) error { return nil }
	if err := event.Subscribe(bus, oteltrace.Events(tracing, "welcome", welcome)); err != nil {
		fmt.Println(err)
		return
	}
	err = bus.Publish(context.Background(), event.Envelope[any]{
		Header: event.Header{ID: "e-1", Type: "AccountCreated", TraceParent: parent}, Event: AccountCreated{},
	})
	fmt.Println(exporter.GetSpans()[0].Name, err)
	// Output: handle AccountCreated in welcome <nil>
}

// A store in memory takes Appended as its OnAppend, and one in Kafka takes it in its Hooks.
func ExampleTracing_Appended() {
	tracing, exporter, err := tracingInMemory()
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := memory.New(memory.Config{Categories: []string{"Account"}, OnAppend: tracing.Appended})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	alice := eventstore.Stream{Category: "Account", ID: "alice"}
	_, err = store.Append(context.Background(), eventstore.To(alice, eventstore.NoStream, eventstore.Record{
		Header: event.Header{ID: "e-1", Type: "AccountCreated", Revision: 1, Timestamp: time.Unix(1_700_000_000, 0)},
		Value:  []byte("an encoded event"),
	}))
	fmt.Println(err)
	span := exporter.GetSpans()[0]
	fmt.Println(span.Name)
	for _, a := range span.Attributes {
		if a.Key == "fencelog.aggregate_id" || a.Key == "fencelog.version" {
			fmt.Println(a.Key, a.Value.String())
		}
	}
	// Output:
	// <nil>
	// append Account
	// fencelog.aggregate_id alice
	// fencelog.version 1
}

// A query that the business refuses is a span, and not a failed one.
func ExampleTracing_Queries() {
	errNoAccount := errors.New("there is no such account")
	exporter := tracetest.NewInMemoryExporter()
	tracing, err := oteltrace.New(oteltrace.Config{
		Provider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)),
		Failure:  func(err error) bool { return !errors.Is(err, errNoAccount) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	type GetBalance struct{ query.Returns[int64] }
	queries := query.NewBus(query.Config{Middleware: []query.Middleware{tracing.Queries()}})
	err = query.Register(queries, func(context.Context, GetBalance) (int64, error) { return 0, errNoAccount })
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = query.Ask(context.Background(), queries, GetBalance{})
	fmt.Println(err)
	span := exporter.GetSpans()[0]
	fmt.Println(span.Name, span.Status.Code)
	// Output:
	// there is no such account
	// query GetBalance Unset
}

// A request to another service carries the trace in a header.
func ExampleTraceParent() {
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	})) // in a handler, its context
	header := http.Header{}
	header.Set("Traceparent", oteltrace.TraceParent(ctx))
	fmt.Println(header.Get("Traceparent"))
	// Output: 00-01000000000000000000000000000000-0200000000000000-01
}
