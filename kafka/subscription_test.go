package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
)

// handled is a handler that remembers its events. Subscriptions in several processes may share it.
type handled struct {
	mu    sync.Mutex
	ids   map[string][]string // event ids in the order in which they were handled, by aggregate
	fail  func(eventstore.Record) error
	grown chan struct{} // has a token when an event was handled
}

func newHandled() *handled {
	return &handled{ids: make(map[string][]string), grown: make(chan struct{}, 1), fail: func(eventstore.Record) error {
		return nil
	}}
}

func (h *handled) handle(_ context.Context, r eventstore.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fail(r); err != nil {
		return err
	}
	h.ids[r.AggregateID] = append(h.ids[r.AggregateID], r.ID)
	select {
	case h.grown <- struct{}{}:
	default:
	}
	return nil
}

func (h *handled) of(id string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ids[id])
}

// seen waits until the events of the aggregate were handled, and fails if they were handled in
// another order. An event that was handled again counts once.
func (h *handled) seen(t testing.TB, id string, want []string) {
	t.Helper()
	eventually(t, "all events of "+id+" are handled", func() bool { return len(distinct(h.of(id))) >= len(want) })
	require.Equal(t, want, distinct(h.of(id)))
}

// distinct keeps the first one of equal ids.
func distinct(all []string) []string {
	var found []string
	for _, id := range all {
		if !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found
}

// quick is a subscription whose retries do not take long.
func quick(group string, h *handled) subscription.Config {
	return subscription.Config{
		Group: group, Category: category, Handler: h.handle,
		Retry: subscription.Retry{Attempts: 3, First: time.Millisecond, Longest: 5 * time.Millisecond},
	}
}

func subscribe(t testing.TB, s *kafka.Store, cfg subscription.Config) subscription.Subscription {
	t.Helper()
	sub, err := s.Subscribe(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sub.Close() })
	return sub
}

func TestSubscription(t *testing.T) {
	_, cfg := fake(t)
	testSubscription(t, cfg)
}

// testSubscription checks that events of before and new ones are handled once, in order. Records
// that do not count are never handled. Another member goes on where one stopped.
func testSubscription(t *testing.T, cfg kafka.Config) {
	s := open(t, cfg)
	want := add(t, s, "a", 5)
	writeForeign(t, cfg)
	h := newHandled()
	sub := subscribe(t, s, quick("readers", h))
	h.seen(t, "a", want)
	transactForeign(t, cfg)
	want = append(want, add(t, s, "a", 5)...)
	h.seen(t, "a", want)
	eventually(t, "there is no lag", func() bool { st := sub.Stats(); return st.Partitions == 1 && st.Lag == 0 })
	require.Equal(t, int64(len(want)), sub.Stats().Handled)
	require.NoError(t, sub.Close())
	require.NoError(t, sub.Close(), "again")
	require.NoError(t, sub.Err())

	more := add(t, s, "a", 3)
	next := newHandled()
	sub = subscribe(t, s, quick("readers", next))
	next.seen(t, "a", more)
	require.NoError(t, s.Close())
	require.NoError(t, sub.Close(), "the store has closed it")
	require.Equal(t, more, next.of("a"), "nothing was handled twice: nothing crashed")
	_, err := s.Subscribe(t.Context(), quick("readers", next))
	require.ErrorIs(t, err, eventstore.ErrClosed)
}

func TestClassify(t *testing.T) {
	sent := func(code sarama.KError) error {
		return fmt.Errorf("dispatch: %w", sarama.ProducerErrors{{Err: code, Msg: &sarama.ProducerMessage{}}})
	}
	for want, all := range map[subscription.Verdict][]error{
		subscription.RetryForever: {
			eventstore.ErrConflict, eventstore.ErrNotOwner, eventstore.ErrOutcomeUnknown, eventstore.ErrClosed,
			errors.Join(away{}),
			fmt.Errorf("%w: %w", eventstore.ErrUndecodable, away{}),
			&kafka.CorruptError{Err: errors.New("no")}, &kafka.IndexError{Err: errors.New("disk full")},
			&connection.PermissionError{}, &connection.SecurityError{},
			sarama.ErrOutOfBrokers, sarama.ErrNotEnoughReplicas, sarama.ErrNotLeaderForPartition,
			sarama.ErrThrottlingQuotaExceeded,
			sarama.ErrRequestTimedOut, sarama.ErrTopicAuthorizationFailed, sarama.ErrListenerNotFound,
			errors.Join(errors.New("no"), here{}, away{}),
			errors.Join(sarama.ErrMessageSizeTooLarge, sarama.ErrNotLeaderForPartition),
			&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &net.DNSError{Name: "postgres"}, syscall.EHOSTUNREACH,
		},
		subscription.WaitThenDeadLetter: {
			eventstore.ErrUnknownEvent, fmt.Errorf("%w: %w", eventstore.ErrUndecodable, eventstore.ErrUnknownEvent),
			&aggregate.DecodeError{Err: aggregate.ErrUnnamedEvent},
		},
		subscription.DeadLetterAtOnce: {eventstore.ErrUndecodable, eventstore.ErrInvalid, eventstore.ErrCommandReused},
		subscription.RetryThenDeadLetter: {
			errors.New("no"), context.DeadlineExceeded, &kafka.RefusedError{Err: errors.New("no")},
			sarama.ErrMessageSizeTooLarge, sarama.ErrInvalidRecord, sarama.ErrInvalidTopic, sarama.ErrPolicyViolation,
			sarama.ErrInvalidTimestamp,
			sarama.ErrUnsupportedVersion, sarama.ErrUnknownMemberId, sarama.ErrOffsetOutOfRange,
			&net.OpError{Op: "dial", Err: &net.AddrError{Err: "invalid port", Addr: "99999"}},
			&net.OpError{Op: "dial", Err: net.UnknownNetworkError("x")},
			here{},
			&net.OpError{Op: "read", Err: syscall.ECONNRESET}, io.ErrUnexpectedEOF,
		},
	} {
		for _, err := range all {
			require.Equal(t, want, kafka.Classify(err), "%T %v", err, err)
			require.Equal(t, want, kafka.Classify(fmt.Errorf("handle: %w", err)), "%T %v, wrapped", err, err)
			var code sarama.KError
			if errors.As(err, &code) && err == code {
				require.Equal(t, want, kafka.Classify(sent(code)), "%v, as a producer tells it", err)
			}
		}
	}
}

type here struct{}

func (here) Error() string     { return "here" }
func (here) Unavailable() bool { return false }

type away struct{}

func (away) Error() string     { return "away" }
func (away) Unavailable() bool { return true }
