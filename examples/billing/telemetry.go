package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	notrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/observe/oteltrace"
	"github.com/fencelog/fencelog/observe/prom"
)

// otlpVariable switches the export of traces on. The exporter reads it, and the other variables
// that OpenTelemetry names OTEL_EXPORTER_OTLP_….
const otlpVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"

const serviceName = "billing" // unless OTEL_SERVICE_NAME says otherwise

// telemetry is what measures and traces this process.
type telemetry struct {
	registry *prometheus.Registry
	metrics  *prom.Metrics
	provider trace.TracerProvider
	tracing  *oteltrace.Tracing
	close    func(context.Context) error // exports what is left
}

// newTelemetry exports traces if the environment says where to. Otherwise it makes none, and hands
// on those of clients.
func newTelemetry(ctx context.Context, getenv func(string) string) (*telemetry, error) {
	if getenv(otlpVariable) == "" {
		return telemetryOf(notrace.NewTracerProvider(), func(context.Context) error { return nil })
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	about, err := resource.Merge(resource.NewSchemaless(semconv.ServiceName(serviceName)), resource.Environment())
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return telemetryOf(provider, provider.Shutdown)
}

func telemetryOf(provider trace.TracerProvider, end func(context.Context) error) (*telemetry, error) {
	t := &telemetry{registry: prometheus.NewRegistry(), provider: provider, close: end}
	t.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err, failed error
	t.metrics, err = prom.New(t.registry, prom.Config{Outcome: outcome, Refusal: refusalCode, Refusals: refusalCodes()})
	t.tracing, failed = oteltrace.New(oteltrace.Config{Provider: provider, Failure: func(err error) bool {
		return outcome(err) == "failed"
	}})
	return t, errors.Join(err, failed)
}

// outcome names what became of a command or a query. A refusal is an answer, and no failure. Nor is
// it a failure if the caller is gone or the store is closed.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case refusalCode(err) != "":
		return "refused"
	case errors.Is(err, context.Canceled), errors.Is(err, eventstore.ErrClosed):
		return "canceled"
	}
	return "failed"
}

// appended is called with every append.
func (t *telemetry) appended(ctx context.Context, a eventstore.Appended) {
	t.metrics.Appended(ctx, a)
	t.tracing.Appended(ctx, a)
}

// kafka returns the hooks of the store.
func (t *telemetry) kafka(cfg kafka.Config) (kafka.Hooks, error) {
	h, err := t.metrics.Kafka(cfg)
	h.Appended = t.appended
	return h, err
}

// observed measures and traces what next serves.
func (t *telemetry) observed(next http.Handler) http.Handler {
	route := func(r *http.Request) string { return routeOf(r.Context()).path }
	return otelhttp.NewHandler(t.metrics.HTTP(route, next), "",
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + route(r) }))
}

func (t *telemetry) page() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{})
}
