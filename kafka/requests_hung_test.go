package kafka_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
)

// hang makes the brokers answer no request of the kind, until the test ends. It closes held when
// the first one has come.
func hang(t *testing.T, c *kfake.Cluster, key kmsg.Key) (held <-chan struct{}) {
	t.Helper()
	first, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	var once sync.Once
	c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		once.Do(func() { close(first) })
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	return first
}

// A broker takes a request and does not answer. A call ends with its context all the same, though
// these stores would wait for a quarter of an hour.
func TestRequests_thatHangEndWithTheContext(t *testing.T) {
	errStop := errors.New("stop")
	for name, c := range map[string]struct {
		hold kmsg.Key
		call func(context.Context, *kafka.Store, subscription.DeadLetters, subscription.LetterID) error
	}{
		"ReadCategory, its fetch": {
			kmsg.Fetch,
			func(ctx context.Context, s *kafka.Store, _ subscription.DeadLetters, _ subscription.LetterID) error {
				return firstError(s.ReadCategory(ctx, category, eventstore.Beginning()))
			},
		},
		"ReadCategory, its search for a time": {
			kmsg.ListOffsets,
			func(ctx context.Context, s *kafka.Store, _ subscription.DeadLetters, _ subscription.LetterID) error {
				return firstError(s.ReadCategory(ctx, category, eventstore.Since(time.Unix(1_000, 0))))
			},
		},
		"Follow": {
			kmsg.Fetch,
			func(ctx context.Context, s *kafka.Store, _ subscription.DeadLetters, _ subscription.LetterID) error {
				return firstError(s.Follow(ctx, category, eventstore.Beginning()))
			},
		},
		"DeadLetters.List, the ends": {
			kmsg.ListOffsets,
			func(ctx context.Context, _ *kafka.Store, d subscription.DeadLetters, _ subscription.LetterID) error {
				_, err := d.List(ctx, "")
				return err
			},
		},
		"DeadLetters.Show, its fetch": {
			kmsg.Fetch,
			func(ctx context.Context, _ *kafka.Store, d subscription.DeadLetters, id subscription.LetterID) error {
				_, _, err := d.Show(ctx, id)
				return err
			},
		},
		"DeadLetters.Redrive, its entry": {
			kmsg.Produce,
			func(ctx context.Context, _ *kafka.Store, d subscription.DeadLetters, id subscription.LetterID) error {
				return d.Redrive(ctx, id, "a reason")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, cfg := fake(t)
			cfg.Connection.RequestTimeout = 14 * time.Minute // a claim takes no more
			s, d := open(t, cfg), openLetters(t, cfg)
			h := newHandled()
			poison(h, add(t, s, "a", 1)[0])
			sub := subscribe(t, s, quick("group", h))
			id := listed(t, d, "group", 1)[0].ID
			require.NoError(t, sub.Close())

			held := hang(t, cluster, c.hold)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			ended := make(chan error, 1)
			go func() { ended <- c.call(ctx, s, d, id) }()
			<-held
			cancel(errStop)
			require.ErrorIs(t, <-ended, errStop)
		})
	}
}
