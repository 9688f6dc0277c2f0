package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Sarama's metrics start one goroutine for each process and never end it.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// program calls the program with the brokers in its environment.
func program(t testing.TB, brokers []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	getenv := func(name string) string {
		if name == "KAFKA_BROKERS" {
			return strings.Join(brokers, ",")
		}
		return ""
	}
	code = run(t.Context(), args, &out, &errs, getenv)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"list", "a", "b"}, {"show"}, {"redrive", "id"}, {"discard"}, {"burn", "id"}} {
		code, _, stderr := program(t, nil, args...)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, stderr, "usage:")
	}
	for _, help := range []string{"-h", "-help", "--help", "help"} {
		code, stdout, stderr := program(t, nil, help)
		require.Equal(t, exitOK, code)
		require.Contains(t, stdout, "dead-letters discard <id> <reason>")
		require.Empty(t, stderr)
	}
	code, _, stderr := program(t, nil, "list")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "KAFKA_BROKERS is not set")
}

func TestLookingAfterDeadLetters(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	defer c.Close()
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.ListenAddrs()},
		Topics:     topics.Config{Categories: billing.Categories(), Prefix: billing.TopicPrefix},
		Logger:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	kafkatest.Topics(t, cfg)
	code, stdout, stderr := program(t, cfg.Connection.Brokers, "list")
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "no dead letters\n", stdout)
	code, _, stderr = program(t, cfg.Connection.Brokers, "show", "printer/billing.account.events/0/7")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "no dead letter printer/billing.account.events/0/7")
	code, _, stderr = program(t, cfg.Connection.Brokers, "show", "printer")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "expected handler/topic/partition/offset")

	handled := make(chan string)
	failing(t, cfg, handled)
	var id string
	require.Eventually(t, func() bool {
		_, stdout, _ = program(t, cfg.Connection.Brokers, "list", "printer")
		lines := strings.Split(stdout, "\n")
		if len(lines) < 4 { // a heading, two letters, the end
			return false
		}
		id = strings.Fields(lines[1])[0]
		return true
	}, time.Minute, 10*time.Millisecond)
	require.Contains(t, stdout, "no printer")
	require.Contains(t, stdout, "waits behind an earlier one")

	code, stdout, stderr = program(t, cfg.Connection.Brokers, "discard", id, "a", "test")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, id+" is given up")
	require.Equal(t, "e-2", <-handled)
	_, stdout, _ = program(t, cfg.Connection.Brokers, "show", id)
	require.Contains(t, stdout, "key    alice\n")
	require.Contains(t, stdout, "header eventId: e-1\n")
	require.Contains(t, stdout, "value  16 bytes: 616e20656e636f646564206576656e74\n")
	require.Contains(t, stdout, "discarded after 0 attempts: a test\n")
	code, _, stderr = program(t, cfg.Connection.Brokers, "redrive", id, "too late")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "was handled or discarded")
}

// failing runs a handler that never gets the first of two events done.
func failing(t testing.TB, cfg kafka.Config, handled chan<- string) {
	t.Helper()
	store, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Claim(t.Context()))
	for i := range 2 {
		_, err := store.Append(t.Context(), eventstore.To(eventstore.Stream{Category: "Account", ID: "alice"}, eventstore.Any, eventstore.Record{
			Value: []byte("an encoded event"), Header: event.Header{
				ID: fmt.Sprint("e-", i+1), Type: "AccountCreated", Revision: 1, Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			},
		}))
		require.NoError(t, err)
	}
	_, err = store.Subscribe(t.Context(), subscription.Config{
		Group: "printer", Category: "Account", Retry: subscription.Retry{Attempts: 1},
		Handler: func(ctx context.Context, r eventstore.Record) error {
			if r.ID == "e-1" {
				return errors.New("no printer")
			}
			select {
			case handled <- r.ID:
			case <-ctx.Done():
			}
			return ctx.Err()
		},
	})
	require.NoError(t, err)
}
