package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/deadletters"
	"github.com/fencelog/fencelog/kafka/doctor"
	"github.com/fencelog/fencelog/kafka/topics"
)

// lineLog is the output of a logger, which a test reads while it is written, one line at a time.
type lineLog chan string

// Write implements io.Writer. It drops lines that nobody reads.
func (l lineLog) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

// logged returns a logger and its lines.
func logged() (*slog.Logger, lineLog) {
	lines := make(lineLog, 1000)
	return slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelInfo})), lines
}

// requireWaits requires that, before call has ended, a line names the broker that call waits for,
// and says why. Then it ends the call.
func requireWaits(t *testing.T, lines lineLog, call func(context.Context) error, says ...string) {
	t.Helper()
	errEnough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- call(ctx) }()
	var seen []string
	for _, want := range says {
		found := false
		for _, line := range seen {
			found = found || strings.Contains(line, want)
		}
		for !found {
			select {
			case line := <-lines:
				if strings.Contains(line, "waiting for a broker that does not answer") {
					seen = append(seen, line)
					found = strings.Contains(line, want)
				}
			case err := <-ended:
				require.Failf(t, "ended before the log said what is waited for", "%s: %v; %v", want, err, seen)
			}
		}
	}
	cancel(errEnough)
	<-ended
}

// silentBroker stands for a broker that was stopped: it accepts connections, and answers nothing.
func silentBroker(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l.Addr().String()
}

// A call that connects to brokers that do not answer says so while it waits, so that nobody has to
// guess.
func TestWaits_whenConnectingNameTheBroker(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, kafka.Config) error{
		"Open": func(ctx context.Context, cfg kafka.Config) error { _, err := kafka.Open(ctx, cfg); return err },
		"topics.Create": func(ctx context.Context, cfg kafka.Config) error {
			_, err := topics.Create(ctx, cfg.Connection, cfg.Topics)
			return err
		},
		"topics.Check": func(ctx context.Context, cfg kafka.Config) error {
			_, err := topics.Check(ctx, cfg.Connection, cfg.Topics)
			return err
		},
		"OpenDeadLetters": func(ctx context.Context, cfg kafka.Config) error {
			_, err := deadletters.Open(ctx, cfg.Connection, cfg.Topics)
			return err
		},
		"doctor.Diagnose": func(ctx context.Context, cfg kafka.Config) error {
			doctor.Diagnose(ctx, cfg)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			silent := silentBroker(t)
			logger, lines := logged()
			cfg := kafka.Config{
				Connection: connection.Config{Brokers: []string{"127.0.0.1:1", silent}, Logger: logger},
				Topics:     topics.Config{Categories: []topics.Category{{Name: category}}},
			}
			requireWaits(t, lines, func(ctx context.Context) error { return call(ctx, cfg) }, "broker="+silent)
		})
	}
}

// Brokers answered before, and now hang or are gone. Each call that waits for one names it.
func TestWaits_forBrokersAreTold(t *testing.T) {
	t.Parallel()
	id := subscription.LetterID{Handler: "group", Topic: topic}
	for name, c := range map[string]struct {
		hold kmsg.Key
		call func(context.Context, kafka.Config, *kafka.Store, subscription.DeadLetters) error
	}{
		"Open, topics": {
			kmsg.DescribeConfigs,
			func(ctx context.Context, cfg kafka.Config, _ *kafka.Store, _ subscription.DeadLetters) error {
				_, err := kafka.Open(ctx, cfg)
				return err
			},
		},
		"Open, what is there": {
			kmsg.Fetch,
			func(ctx context.Context, cfg kafka.Config, _ *kafka.Store, _ subscription.DeadLetters) error {
				_, err := kafka.Open(ctx, cfg)
				return err
			},
		},
		"Claim": {
			kmsg.InitProducerID,
			func(ctx context.Context, _ kafka.Config, s *kafka.Store, _ subscription.DeadLetters) error {
				return s.Claim(ctx)
			},
		},
		"Subscribe": {
			kmsg.Metadata,
			func(ctx context.Context, _ kafka.Config, s *kafka.Store, _ subscription.DeadLetters) error {
				_, err := s.Subscribe(ctx, subscription.Config{
					Group: "group", Category: category, Handler: func(context.Context, eventstore.Record) error {
						return nil
					},
				})
				return err
			},
		},
		"topics.Create": {
			kmsg.CreateTopics,
			func(ctx context.Context, cfg kafka.Config, _ *kafka.Store, _ subscription.DeadLetters) error {
				cfg.Topics.Prefix = "other"
				_, err := topics.Create(ctx, cfg.Connection, cfg.Topics)
				return err
			},
		},
		"DeadLetters.List": {
			kmsg.ListOffsets,
			func(ctx context.Context, _ kafka.Config, _ *kafka.Store, d subscription.DeadLetters) error {
				_, err := d.List(ctx, "")
				return err
			},
		},
		"DeadLetters.Show": {
			kmsg.ListOffsets,
			func(ctx context.Context, _ kafka.Config, _ *kafka.Store, d subscription.DeadLetters) error {
				_, _, err := d.Show(ctx, id)
				return err
			},
		},
		"doctor.Diagnose": {
			kmsg.ListOffsets,
			func(ctx context.Context, cfg kafka.Config, _ *kafka.Store, _ subscription.DeadLetters) error {
				doctor.Diagnose(ctx, cfg)
				return nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
			require.NoError(t, err)
			t.Cleanup(cluster.Close)
			logger, lines := logged()
			cfg := kafka.Config{
				Connection: connection.Config{
					Brokers: cluster.ListenAddrs(), RequestTimeout: 14 * time.Minute, Logger: logger,
				},
				Topics: topics.Config{
					Categories:        []topics.Category{{Name: category, Partitions: 1}},
					ReplicationFactor: 1,
					MinInSyncReplicas: 1,
				},
			}
			create(t, cfg)
			open(t, cfg).Close() // something to read
			s, d := openReader(t, cfg), openLetters(t, cfg)
			hang(t, cluster, c.hold)
			requireWaits(t, lines, func(ctx context.Context) error {
				return c.call(ctx, cfg, s, d)
			}, "broker="+cfg.Connection.Brokers[0])
		})
	}
}
