package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

const (
	clientTrace  = "0af7651916cd43dd8448eb211c80319c"
	clientSpan   = "b7ad6b7169203331"
	clientParent = "00-" + clientTrace + "-" + clientSpan + "-01"
)

// One trace leads from the HTTP request through Kafka to the handler of a subscription. That
// handler has nothing but the record of the topic.
func TestOneTraceFromTheRequestToASubscription(t *testing.T) {
	t.Parallel()
	var exporter *tracetest.InMemoryExporter
	c, s := launch(t, onFake(t, kafkatest.Fake(t)), withoutRegistryServer, func(s *server) { exporter = traced(t, s) })
	<-s.ready
	tracing, handled := s.telemetry.tracing, make(chan string, 1)
	_, err := s.serving.Load().backend.kafka.Subscribe(t.Context(), subscription.Config{
		Group: "billing-test", Category: "Account",
		Handler: tracing.Records("balances", func(ctx context.Context, _ eventstore.Record) error {
			handled <- event.CauseFrom(ctx).TraceParent
			return nil
		}),
	})
	require.NoError(t, err)
	r := c.do(http.MethodPost, accountsPath, createBody("a"), "traceparent", clientParent)
	require.Equal(t, http.StatusCreated, r.status, r.text)
	require.Contains(t, <-handled, clientTrace)
	require.NoError(t, c.stop()) // ends the subscription, and the request's own span

	spans := make(map[string]tracetest.SpanStub)
	for _, s := range exporter.GetSpans() {
		require.Equal(t, clientTrace, s.SpanContext.TraceID().String(), s.Name)
		spans[s.Name] = s
	}
	const request, command = "POST /v1/accounts", "command CreateAccount"
	require.Equal(t, clientSpan, spans[request].Parent.SpanID().String())
	for child, parent := range map[string]string{
		command: request, "append Account": command,
		"handle AccountCreated in balances": command,
	} {
		require.Contains(t, spans, child)
		require.Equal(t, spans[parent].SpanContext.SpanID(), spans[child].Parent.SpanID(), child)
	}
}

// collector receives an OpenTelemetry export.
type collector struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/v1/traces" {
		_, _ = io.Copy(&c.sent, r.Body)
	}
}

func (c *collector) has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.sent.Bytes(), []byte(text))
}

// lines is a standard output that a test can read, line by line, while the program writes.
type lines struct{ kafkatest.Output }

// all returns the log so far, each line as the JSON that it must be.
func (l *lines) all(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		all = append(all, fields)
	}
	return all
}

// with returns the fields of the line with a message.
func (l *lines) with(t *testing.T, message string) map[string]any {
	t.Helper()
	var found map[string]any
	require.Eventually(t, func() bool {
		for _, fields := range l.all(t) {
			if fields["msg"] == message {
				found = fields
			}
		}
		return found != nil
	}, time.Minute, time.Millisecond, message)
	return found
}

// The program logs JSON that names request and trace. When it is stopped, it exports the spans that
// it still has.
func TestLogsAndTracesOfTheProgram(t *testing.T) {
	var exported collector
	otlp := httptest.NewServer(&exported)
	t.Cleanup(otlp.Close)
	t.Setenv(otlpVariable, otlp.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000") // milliseconds: nothing is exported before the end
	env := getenvOf(map[string]string{addressVariable: "127.0.0.1:0", otlpVariable: otlp.URL})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr lines
	code := make(chan int, 1)
	go func() { code <- run(ctx, nil, env, &stdout, &stderr) }()
	stdout.with(t, "caught up")
	c := &client{
		t: t, url: "http://" + stdout.with(t, "listening")["address"].(string),
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	require.Eventually(t, func() bool {
		return c.do(http.MethodGet, "/readyz", "").status == http.StatusOK
	}, time.Minute, time.Millisecond)

	r := c.do(http.MethodPost, accountsPath, createBody("a"), "traceparent", clientParent, correlationHeader,
		"conversation-1")
	require.Equal(t, http.StatusCreated, r.status, r.text)
	line := stdout.with(t, "account created")
	require.Equal(t, "conversation-1", line["correlationId"])
	require.Equal(t, clientTrace, line["traceId"])
	require.Equal(t, "INFO", line["level"])
	require.False(t, exported.has("command CreateAccount"))

	cancel()
	require.Equal(t, exitOK, <-code, stderr.String())
	for _, text := range []string{"POST /v1/accounts", "command CreateAccount", "append Account", serviceName} {
		require.True(t, exported.has(text), text)
	}
	require.Empty(t, stderr.String())
}
