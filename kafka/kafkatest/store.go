package kafkatest

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Topics makes the missing topics of the configuration.
func Topics(tb testing.TB, cfg kafka.Config) {
	tb.Helper()
	cfg = quiet(cfg)
	if _, err := topics.Create(tb.Context(), cfg.Connection, cfg.Topics); err != nil {
		tb.Fatalf("kafkatest: create topics: %v", err)
	}
}

// Store returns a store that owns all its partitions. It makes the topics that are missing. It
// closes with the test. Give the brokers of [Fake], or of a [Cluster] with a topic prefix that no
// other test uses. Without a Logger nothing is logged.
func Store(tb testing.TB, cfg kafka.Config) *kafka.Store {
	tb.Helper()
	Topics(tb, cfg)
	s, err := kafka.Open(tb.Context(), quiet(cfg))
	if err != nil {
		tb.Fatalf("kafkatest: open a store: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("kafkatest: close the store: %v", err)
		}
	})
	if err := s.Claim(tb.Context()); err != nil {
		tb.Fatalf("kafkatest: claim the partitions: %v", err)
	}
	return s
}

// Done waits until a subscription has handled or set aside all events that its store had when Done
// was called. The subscription must be the only member of its group.
//
// Done fails the test if the subscription ends, if one of its partitions stops, or if the wait
// takes longer than [DefaultPatience]. It says what it waited for.
func Done(tb testing.TB, sub subscription.Subscription) {
	tb.Helper()
	await(tb, func() string {
		select {
		case <-sub.Done():
			tb.Fatalf("kafkatest: the subscription has ended: %v", sub.Err())
		default:
		}
		st := sub.Stats()
		if st.Stopped > 0 {
			tb.Fatalf("kafkatest: %d partitions are stopped: %v", st.Stopped, sub.Err())
		}
		if st.Partitions == st.Configured && st.Lag == 0 {
			return ""
		}
		var waits []string
		for _, w := range sub.Waits() {
			waits = append(waits,
				fmt.Sprintf("partition %d, %s %s: %s: %v", w.Partition, w.EventType, w.Key, w.For, w.Err))
		}
		return fmt.Sprintf("%d of %d partitions are handled, with %d offsets that are not done; it waits for: %s",
			st.Partitions, st.Configured, st.Lag, strings.Join(waits, "; "))
	})
}

func quiet(cfg kafka.Config) kafka.Config {
	cfg.Logger = cmp.Or(cfg.Logger, cfg.Connection.Logger, slog.New(slog.DiscardHandler))
	cfg.Connection.Logger = cmp.Or(cfg.Connection.Logger, cfg.Logger)
	return cfg
}
