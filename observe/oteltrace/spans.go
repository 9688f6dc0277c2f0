package oteltrace

import (
	"context"
	"reflect"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
)

// Commands returns middleware that makes a span of each command. It should come first.
func (t *Tracing) Commands() command.Middleware {
	return func(next command.Handler) command.Handler {
		return func(ctx context.Context, cmd any) (eventstore.Outcome, error) {
			md, _ := command.MetadataFrom(ctx)
			ctx, span := t.start(ctx, "command "+reflect.TypeOf(cmd).Name(), trace.SpanKindInternal,
				attribute.String("fencelog.command_id", md.ID))
			outcome, err := next(ctx, cmd)
			t.end(span, err)
			return outcome, err
		}
	}
}

// Queries returns middleware that makes a span of each query. It should come first.
func (t *Tracing) Queries() query.Middleware {
	return func(next query.Handler) query.Handler {
		return func(ctx context.Context, q any) (any, error) {
			ctx, span := t.start(ctx, "query "+reflect.TypeOf(q).Name(), trace.SpanKindInternal)
			answer, err := next(ctx, q)
			t.end(span, err)
			return answer, err
		}
	}
}

// Appended is an [eventstore.OnAppend] that makes a span of each append.
func (t *Tracing) Appended(ctx context.Context, a eventstore.Appended) {
	stream := a.Commit.Stream()
	_, span := t.tracer.Start(ctx, "append "+stream.Category, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(a.Start),
		trace.WithAttributes(
			attribute.String("fencelog.aggregate_id", stream.ID),
			attribute.Int("fencelog.records", len(a.Commit.Records)),
			attribute.Int("fencelog.partition", int(a.Result.Position.Partition)),
			attribute.Int64("fencelog.version", a.Result.Last()),
			attribute.Bool("fencelog.repeated", a.Result.Repeated),
		))
	t.end(span, a.Err, trace.WithTimestamp(a.Start.Add(a.Duration)))
}

// Events wraps a handler of the in-process bus, for event.Subscribe or, with E any, its
// SubscribeAll. Each handled event is a span. The name tells handlers apart.
func Events[E any](
	t *Tracing, name string, handle func(context.Context, event.Envelope[E]) error,
) func(context.Context, event.Envelope[E]) error {
	return func(ctx context.Context, e event.Envelope[E]) error {
		ctx, span := t.handling(ctx, name, e.Header)
		err := handle(ctx, e)
		t.end(span, err)
		return err
	}
}

// Records wraps a handler of stored records, such as a subscription's. Each handled record is a
// span, in the trace of the command that made it. The name tells handlers apart.
func (t *Tracing) Records(
	name string, handle func(context.Context, eventstore.Record) error,
) func(context.Context, eventstore.Record) error {
	return func(ctx context.Context, r eventstore.Record) error {
		cause := event.CauseFrom(ctx)
		cause.TraceParent = r.TraceParent
		ctx, span := t.handling(event.WithCause(ctx, cause), name, r.Header)
		err := handle(ctx, r)
		t.end(span, err)
		return err
	}
}

func (t *Tracing) handling(ctx context.Context, name string, h event.Header) (context.Context, trace.Span) {
	return t.start(ctx, "handle "+h.Type+" in "+name, trace.SpanKindConsumer,
		attribute.String("fencelog.event_id", h.ID),
		attribute.String("fencelog.aggregate_id", h.AggregateID),
		attribute.Int64("fencelog.version", h.AggregateVersion))
}
