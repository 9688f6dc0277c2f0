package prom_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
	"github.com/fencelog/fencelog/observe/prom"
	"github.com/fencelog/fencelog/query"
)

// labels name a series.
type labels map[string]string

// value returns the value of a counter or gauge, or how often a histogram was told something. It
// returns -1 if there is no such series.
func value(t *testing.T, r *prometheus.Registry, name string, want labels) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			has := make(labels)
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			if f.GetName() != name || !maps.Equal(has, want) {
				continue
			}
			switch {
			case m.GetHistogram() != nil:
				return float64(m.GetHistogram().GetSampleCount())
			case m.GetCounter() != nil:
				return m.GetCounter().GetValue()
			}
			return m.GetGauge().GetValue()
		}
	}
	return -1
}

func metrics(t *testing.T, cfg prom.Config) (*prom.Metrics, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	m, err := prom.New(r, cfg)
	require.NoError(t, err)
	return m, r
}

func one(commandID string) eventstore.Record {
	return eventstore.Record{Value: []byte("v"), Header: event.Header{
		ID: ids.New(), Type: "Happened", Revision: 1, CommandID: commandID, Timestamp: clock.Now(),
	}}
}

func appends(outcome string) labels { return labels{"category": "Account", "outcome": outcome} }

func TestAppendsAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	m, r := metrics(t, prom.Config{})
	s, err := memory.New(memory.Config{Categories: []string{"Account"}, OnAppend: m.Appended})
	require.NoError(t, err)
	defer s.Close()
	stream := eventstore.Stream{Category: "Account", ID: "a"}
	_, _ = s.Append(t.Context(), eventstore.To(stream, eventstore.NoStream, one("c"), one("c")))
	_, _ = s.Append(t.Context(), eventstore.To(stream, eventstore.NoStream, one("c")))
	_, _ = s.Append(t.Context(), eventstore.To(stream, eventstore.NoStream, one("d")))
	_, _ = s.Append(t.Context(), eventstore.To(stream, eventstore.NoStream, eventstore.Record{}))
	_, _ = s.Append(t.Context(), eventstore.To(stream, 2)) // a check is no append
	for _, err := range []error{
		eventstore.ErrNotOwner, eventstore.ErrOutcomeUnknown, context.DeadlineExceeded, context.Canceled,
		eventstore.ErrClosed, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, context.Canceled),
	} {
		m.Appended(t.Context(), eventstore.Appended{Commit: eventstore.To(stream, eventstore.Any), Err: err})
	}
	for outcome, want := range map[string]float64{
		prom.OutcomeStored: 1, prom.OutcomeRepeated: 1, prom.OutcomeConflict: 1, prom.OutcomeRefused: 1,
		prom.OutcomeNotOwner: 1, prom.OutcomeUnknown: 2, prom.OutcomeCanceled: 2, prom.OutcomeFailed: 1,
	} {
		require.Equal(t, want, value(t, r, "fencelog_append_duration_seconds", appends(outcome)), outcome)
	}
	require.Equal(t, 2.0, value(t, r, "fencelog_append_records_total", labels{"category": "Account"}))
}

type increase struct{}

type howMany struct{ query.Returns[int] }

func TestBusesAndHTTP(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	m, r := metrics(t, prom.Config{Outcome: func(err error) string {
		if errors.Is(err, refused) {
			return "refused"
		}
		return "ok"
	}})
	commands := command.NewBus(command.Config{Middleware: []command.Middleware{m.Commands()}})
	require.NoError(t,
		command.Register(commands, func(context.Context, increase) (eventstore.Outcome, error) {
			return eventstore.Outcome{}, refused
		}))
	require.ErrorIs(t, errOf(commands.Dispatch(t.Context(), increase{})), refused)
	require.Equal(t, 1.0,
		value(t, r, "fencelog_command_duration_seconds", labels{"command": "increase", "outcome": "refused"}))

	queries := query.NewBus(query.Config{Middleware: []query.Middleware{m.Queries()}})
	require.NoError(t, query.Register(queries, func(context.Context, howMany) (int, error) { return 7, nil }))
	n, err := query.Ask(t.Context(), queries, howMany{})
	require.NoError(t, err)
	require.Equal(t, 7, n)
	require.Equal(t, 1.0, value(t, r, "fencelog_query_duration_seconds", labels{"query": "howMany", "outcome": "ok"}))

	h := m.HTTP(func(*http.Request) string { return "/things/{id}" },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusTeapot)
			}
			_, _ = w.Write([]byte("x"))
		}))
	for _, method := range []string{http.MethodGet, http.MethodPost, "BREW"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/things/7", nil))
	}
	route := "/things/{id}"
	require.Equal(t, 1.0,
		value(t, r, "fencelog_http_request_duration_seconds", labels{"method": "GET", "route": route, "status": "200"}))
	require.Equal(t, 1.0,
		value(t, r, "fencelog_http_request_duration_seconds", labels{
			"method": "POST", "route": route, "status": "418",
		}))
	require.Equal(t, 1.0,
		value(t, r, "fencelog_http_request_duration_seconds", labels{
			"method": "other", "route": route, "status": "200",
		}))
	require.Zero(t, value(t, r, "fencelog_http_requests_in_flight", labels{}))
}

// ask is a command and a query. Its handler returns an error with these words.
type ask struct {
	query.Returns[int]

	code string
}

// Refusals are counted by their code from 0 on, other errors are not. A code that nobody listed
// makes no series.
func TestRefusalsAreCountedByCode(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	m, r := metrics(t, prom.Config{
		Refusals: []string{"TooMuch", "NotFound"},
		Refusal: func(err error) string {
			if errors.Is(err, failed) {
				return ""
			}
			return err.Error()
		},
	})
	commands := command.NewBus(command.Config{Middleware: []command.Middleware{m.Commands()}})
	queries := query.NewBus(query.Config{Middleware: []query.Middleware{m.Queries()}})
	answer := func(code string) error {
		switch code {
		case "":
			return nil
		case failed.Error():
			return failed
		}
		return errors.New(code)
	}
	require.NoError(t, command.Register(commands, func(_ context.Context, a ask) (eventstore.Outcome, error) {
		return eventstore.Outcome{}, answer(a.code)
	}))
	require.NoError(t,
		query.Register(queries, func(_ context.Context, a ask) (int, error) { return 0, answer(a.code) }))
	for _, code := range []string{"TooMuch", "TooMuch", "", failed.Error(), "alice-1", "alice-2"} {
		_, _ = commands.Dispatch(t.Context(), ask{code: code})
	}
	_, err := query.Ask(t.Context(), queries, ask{code: "NotFound"})
	require.Error(t, err)
	for code, want := range map[string]float64{
		"TooMuch": 2, "NotFound": 0, prom.CodeOther: 2, "alice-1": -1, failed.Error(): -1,
	} {
		require.Equal(t, want, value(t, r, "fencelog_command_refusals_total", labels{"code": code}), code)
	}
	for code, want := range map[string]float64{"TooMuch": 0, "NotFound": 1, prom.CodeOther: 0} {
		require.Equal(t, want, value(t, r, "fencelog_query_refusals_total", labels{"code": code}), code)
	}
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	m, r := metrics(t, prom.Config{})
	stats := func() subscription.Stats {
		return subscription.Stats{
			Handled: 1, Retried: 2, DeadLettered: 3, Parked: 4, Partitions: 5, Lag: 6, Waiting: 7,
			LongestWait: 8 * time.Second, Stopped: 9,
		}
	}
	require.NoError(t, m.Subscription("balances", "Account", stats))
	require.NoError(t, m.Subscription("mails", "Account", stats))
	require.Error(t, m.Subscription("mails", "Account", stats), "twice")
	for name, want := range map[string]float64{
		"handled_total": 1, "retries_total": 2, "dead_letters_total": 3, "parked_total": 4, "partitions": 5, "lag": 6,
		"waiting": 7, "longest_wait_seconds": 8, "stopped_partitions": 9,
	} {
		require.Equal(t, want,
			value(t, r, "fencelog_subscription_"+name, labels{"group": "balances", "category": "Account"}), name)
	}
}

func TestNamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	_, r := metrics(t, prom.Config{})
	_, err := prom.New(r, prom.Config{})
	require.ErrorContains(t, err, "register metrics")
}
