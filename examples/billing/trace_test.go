package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// traced makes the service keep its spans.
func traced(t *testing.T, s *server) *tracetest.InMemoryExporter {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	var err error
	s.telemetry, err = telemetryOf(provider, provider.Shutdown)
	require.NoError(t, err)
	return exporter
}

// One trace, the client's, leads from the HTTP request through bus and store to the handlers of the
// event. One handler is in this process. The other one is elsewhere, and has nothing but the stored
// record.
func TestOneTraceFromTheRequestToTheHandlers(t *testing.T) {
	t.Parallel()
	const traceID, clientSpan = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	var exporter *tracetest.InMemoryExporter
	var at *server
	c := start(t, func(s *server) { exporter, at = traced(t, s), s })
	r := c.do(http.MethodPost, accountsPath, createBody("a"), "traceparent", "00-"+traceID+"-"+clientSpan+"-01")
	require.Equal(t, http.StatusCreated, r.status)

	handle := at.telemetry.tracing.Records("elsewhere", func(ctx context.Context, r eventstore.Record) error {
		require.Contains(t, event.CauseFrom(ctx).TraceParent, traceID)
		return nil
	})
	for r, err := range at.serving.Load().backend.store.ReadStream(t.Context(),
		eventstore.Stream{Category: "Account", ID: "a"}, 1) {
		require.NoError(t, err)
		require.NoError(t, handle(context.Background(), r))
	}
	require.NoError(t, c.stop()) // the request's own span ends after its answer

	spans := make(map[string]tracetest.SpanStub)
	for _, s := range exporter.GetSpans() {
		require.Equal(t, traceID, s.SpanContext.TraceID().String(), s.Name)
		spans[s.Name] = s
	}
	require.Len(t, spans, 4)
	const request = "POST /v1/accounts"
	require.Equal(t, clientSpan, spans[request].Parent.SpanID().String())
	for child, parent := range map[string]string{
		"command CreateAccount":              request,
		"append Account":                     "command CreateAccount",
		"handle AccountCreated in elsewhere": "command CreateAccount",
	} {
		require.Contains(t, spans, child)
		require.Equal(t, spans[parent].SpanContext.SpanID(), spans[child].Parent.SpanID(), child)
	}
}

func TestMetricsPage(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.open("a")
	c.do(http.MethodGet, accountsPath+"/a/balance", "")
	c.do(http.MethodGet, "/made/up/"+strings.Repeat("x", 10), "")
	c.post(accountsPath+"/a/debits", "t", postBody("t", "1.00"))
	require.Equal(t, "CommandReused", c.post(accountsPath+"/a/credits", "open-a", postBody("open-a", "1.00")).code(t))
	text := c.do(http.MethodGet, "/metrics", "").text
	for _, line := range []string{
		`fencelog_append_duration_seconds_count{category="Account",outcome="stored"} 1`,
		`fencelog_append_records_total{category="Account"} 1`,
		`fencelog_command_duration_seconds_count{command="CreateAccount",outcome="ok"} 1`,
		`fencelog_command_duration_seconds_count{command="DebitAccount",outcome="refused"} 1`,
		`fencelog_command_duration_seconds_count{command="CreditAccount",outcome="refused"} 1`,
		`fencelog_query_duration_seconds_count{outcome="ok",query="GetBalance"} 1`,
		`fencelog_http_request_duration_seconds_count{method="POST",route="/v1/accounts",status="201"} 1`,
		`fencelog_http_request_duration_seconds_count{method="POST",route="/v1/accounts/{accountId}/debits",` +
			`status="422"} 1`,
		`fencelog_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1`,
		`fencelog_http_requests_in_flight 0`,
		`fencelog_load_duration_seconds_count{category="Account",source="start"} 1`,
		`fencelog_load_duration_seconds_count{category="Account",source="cache"} 1`,
		`fencelog_cache_states{category="Account"} 1`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.Contains(t, text, "go_goroutines")
}
