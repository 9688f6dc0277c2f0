package oteltrace_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/observe/oteltrace"
)

func Example() {
	exporter := tracetest.NewInMemoryExporter() // in a service: OTLP
	tracing, err := oteltrace.New(oteltrace.Config{Provider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Beside it: kafka.Hooks{Appended: tracing.Appended}, and tracing.Records around the handlers
	// of subscriptions.
	bus := command.NewBus(command.Config{Middleware: []command.Middleware{tracing.Commands()}})
	type Greet struct{ Name string }
	if err := command.Register(bus, func(context.Context, Greet) (eventstore.Outcome, error) { return eventstore.Outcome{}, nil }); err != nil {
		fmt.Println(err)
		return
	}
	_, err = bus.Dispatch(context.Background(), Greet{Name: "you"})
	fmt.Println(err, exporter.GetSpans()[0].Name)
	// Output: <nil> command Greet
}
