package oteltrace_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
	"github.com/fencelog/fencelog/observe/oteltrace"
	"github.com/fencelog/fencelog/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tracing(t *testing.T, failure func(error) bool) (*oteltrace.Tracing, *tracetest.InMemoryExporter) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	tr, err := oteltrace.New(oteltrace.Config{Provider: provider, Failure: failure})
	require.NoError(t, err)
	return tr, exporter
}

func byName(t *testing.T, e *tracetest.InMemoryExporter) map[string]tracetest.SpanStub {
	t.Helper()
	found := make(map[string]tracetest.SpanStub)
	for _, s := range e.GetSpans() {
		require.NotContains(t, found, s.Name)
		found[s.Name] = s
	}
	return found
}

type increase struct{}

type howMany struct{ query.Returns[int] }

// One trace leads from a command over the append to a handler that has only the stored record. It
// goes on to the command that this handler dispatches.
func TestOneTraceFromACommandToAHandlerElsewhere(t *testing.T) {
	t.Parallel()
	tr, exporter := tracing(t, nil)
	store, err := memory.New(memory.Config{Categories: []string{"Account"}, OnAppend: tr.Appended})
	require.NoError(t, err)
	defer store.Close()
	stream := eventstore.Stream{Category: "Account", ID: "a"}
	bus := command.NewBus(command.Config{Middleware: []command.Middleware{tr.Commands()}})
	require.NoError(t, command.Register(bus, func(ctx context.Context, _ increase) (eventstore.Outcome, error) {
		c := event.CauseFrom(ctx)
		_, err := store.Append(ctx, eventstore.To(stream, eventstore.Any, eventstore.Record{Value: []byte("v"), Header: event.Header{
			ID: ids.New(), Type: "Increased", Revision: 1, Timestamp: clock.Now(), CommandID: c.CommandID, TraceParent: c.TraceParent,
		}}))
		return eventstore.Outcome{}, err
	}))
	type follow struct{}
	require.NoError(t, command.Register(bus, func(context.Context, follow) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, errors.New("no")
	}))
	require.NoError(t, errOf(bus.Dispatch(t.Context(), increase{})))

	handle := tr.Records("balances", func(ctx context.Context, _ eventstore.Record) error {
		_, err := bus.Dispatch(ctx, follow{})
		return err
	})
	for r, err := range store.ReadStream(t.Context(), stream, 1) {
		require.NoError(t, err)
		require.Error(t, handle(t.Context(), r))
	}

	spans := byName(t, exporter)
	require.Len(t, spans, 4)
	root := spans["command increase"]
	require.False(t, root.Parent.IsValid())
	require.Equal(t, codes.Unset, root.Status.Code)
	for child, parent := range map[string]string{
		"append Account":               "command increase",
		"handle Increased in balances": "command increase",
		"command follow":               "handle Increased in balances",
	} {
		require.Contains(t, spans, child)
		require.Equal(t, root.SpanContext.TraceID(), spans[child].SpanContext.TraceID(), child)
		require.Equal(t, spans[parent].SpanContext.SpanID(), spans[child].Parent.SpanID(), child)
	}
	require.Equal(t, codes.Error, spans["command follow"].Status.Code)
	require.Equal(t, codes.Error, spans["handle Increased in balances"].Status.Code)
	require.False(t, spans["append Account"].StartTime.Before(root.StartTime))
}

func TestRefusalsAreNoFailures(t *testing.T) {
	t.Parallel()
	refused, broken := errors.New("refused"), errors.New("broken")
	tr, exporter := tracing(t, func(err error) bool { return !errors.Is(err, refused) })
	bus := query.NewBus(query.Config{Middleware: []query.Middleware{tr.Queries()}})
	answer := refused
	require.NoError(t, query.Register(bus, func(context.Context, howMany) (int, error) { return 0, answer }))
	_, err := query.Ask(t.Context(), bus, howMany{})
	require.ErrorIs(t, err, refused)
	require.Equal(t, codes.Unset, exporter.GetSpans()[0].Status.Code)
	answer = broken
	_, err = query.Ask(t.Context(), bus, howMany{})
	require.ErrorIs(t, err, broken)
	require.Equal(t, codes.Error, exporter.GetSpans()[1].Status.Code)
	require.Equal(t, "query howMany", exporter.GetSpans()[1].Name)
}

func TestNewWantsAProvider(t *testing.T) {
	t.Parallel()
	_, err := oteltrace.New(oteltrace.Config{})
	require.ErrorContains(t, err, "Provider")
}

// errOf returns the error of a command or an update.
func errOf(_ eventstore.Outcome, err error) error { return err }
