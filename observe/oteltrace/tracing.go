package oteltrace

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/fencelog/fencelog/event"
)

const scope = "github.com/fencelog/fencelog/observe/oteltrace"

// Config configures [Tracing]. Provider is required.
type Config struct {
	// Provider makes the spans.
	Provider trace.TracerProvider

	// Failure reports whether an error makes a span a failed one. A service leaves out the refusals
	// of its business. Default: every error does.
	Failure func(err error) bool
}

// Tracing makes spans.
type Tracing struct {
	tracer  trace.Tracer
	failure func(error) bool
}

// New returns tracing with the provider's spans. It fails if there is none.
func New(cfg Config) (*Tracing, error) {
	if cfg.Provider == nil {
		return nil, errors.New(
			"tracing: Provider is nil, expected a trace.TracerProvider such as that of OpenTelemetry's SDK")
	}
	if cfg.Failure == nil {
		cfg.Failure = func(error) bool { return true }
	}
	return &Tracing{tracer: cfg.Provider.Tracer(scope), failure: cfg.Failure}, nil
}

// start begins a span below the span of ctx, or else below the span that the cause names. Events
// that are made under the returned context name the new span.
func (t *Tracing) start(
	ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue,
) (context.Context, trace.Span) {
	cause := event.CauseFrom(ctx)
	if !trace.SpanContextFromContext(ctx).IsValid() && cause.TraceParent != "" {
		ctx = (propagation.TraceContext{}).Extract(ctx, propagation.MapCarrier{traceParent: cause.TraceParent})
	}
	if cause.CorrelationID != "" {
		attributes = append(attributes, attribute.String("fencelog.correlation_id", cause.CorrelationID))
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	cause.TraceParent = TraceParent(ctx)
	return event.WithCause(ctx, cause), span
}

const traceParent = "traceparent"

// TraceParent returns the W3C traceparent of the span in ctx, or an empty one if there is no span.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	(propagation.TraceContext{}).Inject(ctx, carrier)
	return carrier[traceParent]
}

// end ends the span, as a failed one if err is a failure.
func (t *Tracing) end(span trace.Span, err error, options ...trace.SpanEndOption) {
	if err != nil {
		span.RecordError(err)
		if t.failure(err) {
			span.SetStatus(codes.Error, err.Error())
		}
	}
	span.End(options...)
}
