package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/goroutine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLetterIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []subscription.LetterID{
		{Handler: "h", Topic: "t", Partition: 3, Offset: 1 << 40}, {
			Handler: "a/b", Topic: "t.u", Partition: 0,
			Offset: 0,
		},
	} {
		got, err := subscription.ParseLetterID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	for _, bad := range []string{"", "h/t/1", "h/t/x/1", "h/t/1/x", "h/t/3000000000/1"} {
		_, err := subscription.ParseLetterID(bad)
		require.ErrorContains(t, err, "expected handler/topic/partition/offset")
	}
}

func TestLettersThatAreNot(t *testing.T) {
	t.Parallel()
	err := error(&subscription.NoLetterError{ID: subscription.LetterID{Handler: "h", Topic: "t"}})
	require.ErrorIs(t, err, subscription.ErrNoLetter)
	require.ErrorContains(t, err, "h/t/0/0")
}

// The pause doubles up to the longest, and is shortened by up to a half.
func TestPauses(t *testing.T) {
	t.Parallel()
	retry := subscription.Retry{First: 100, Longest: 1000}
	for attempts, want := range map[int]time.Duration{1: 100, 2: 200, 4: 800, 5: 1000, math.MaxInt: 1000} {
		require.Equal(t, want, retry.Pause(attempts, 0), attempts)
		require.Equal(t, want/2, retry.Pause(attempts, 1), attempts)
	}
	require.Positive(t, subscription.Retry{First: 1, Longest: 1}.Pause(1, 0.99))
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	handler := func(context.Context, eventstore.Record) error { return nil }
	cfg, err := subscription.Config{Group: "g", Category: "C", Handler: handler}.Complete([]string{"B", "C"})
	require.NoError(t, err)
	require.Equal(t, subscription.Retry{
		Attempts: subscription.DefaultRetryAttempts, First: subscription.DefaultRetryFirst,
		Longest: subscription.DefaultRetryLongest,
	}, cfg.Retry)
	require.Equal(t, subscription.DefaultConcurrency, cfg.Concurrency)
	require.Equal(t, subscription.DefaultMaxInFlight, cfg.MaxInFlight)
	require.Equal(t, subscription.DefaultDeployment, cfg.Deployment)
	require.Equal(t, subscription.DefaultLongWait, cfg.LongWait)
	require.Equal(t, subscription.ByStream, cfg.Order)
	require.Nil(t, cfg.Classify, "the store judges")
}

func TestOrders(t *testing.T) {
	t.Parallel()
	for order, name := range map[subscription.Order]string{
		subscription.ByStream: "by-stream", subscription.ByPartitionKey: "by-partition-key",
	} {
		text, err := order.MarshalText()
		require.NoError(t, err)
		require.Equal(t, name, string(text))
		require.Equal(t, name, order.String())
		read := subscription.Order(7)
		require.NoError(t, read.UnmarshalText(text))
		require.Equal(t, order, read)
	}
	_, err := subscription.Order(2).MarshalText()
	require.EqualError(t, err, "Order(2): expected by-stream or by-partition-key")
	require.EqualError(t, new(subscription.Order).UnmarshalText([]byte("by-luck")),
		`order "by-luck": expected by-stream or by-partition-key`)

	handler := func(context.Context, eventstore.Record) error { return nil }
	cfg := subscription.Config{Group: "g", Category: "C", Handler: handler, Order: 2}
	_, err = cfg.Complete([]string{"C"})
	require.EqualError(t, err, "subscription: Order is Order(2), expected by-stream or by-partition-key")
	cfg.Order = subscription.ByPartitionKey
	cfg, err = cfg.Complete([]string{"C"})
	require.NoError(t, err)
	require.Equal(t, subscription.ByPartitionKey, cfg.Order)
}

func TestVerdictsHaveNames(t *testing.T) {
	t.Parallel()
	for verdict, name := range map[subscription.Verdict]string{
		subscription.Default: "default", subscription.RetryThenDeadLetter: "retry-then-dead-letter",
		subscription.RetryForever: "retry-forever", subscription.WaitThenDeadLetter: "wait-then-dead-letter",
		subscription.DeadLetterAtOnce: "dead-letter-at-once", subscription.Handled: "handled",
	} {
		require.True(t, verdict.Known())
		require.Equal(t, name, verdict.String())
	}
	for verdict, name := range map[subscription.Verdict]string{-1: "Verdict(-1)", 6: "Verdict(6)"} {
		require.False(t, verdict.Known())
		require.Equal(t, name, verdict.String())
	}
	require.Zero(t, subscription.Default, "a Classify that says nothing leaves the error to the store")
}

func TestClassify(t *testing.T) {
	t.Parallel()
	errBad := errors.New("no")
	for want, all := range map[subscription.Verdict][]error{
		subscription.RetryForever: {
			eventstore.ErrConflict, eventstore.ErrNotOwner, eventstore.ErrOutcomeUnknown, eventstore.ErrClosed,
			away(true), fmt.Errorf("%w: %w", eventstore.ErrUndecodable, away(true)), errors.Join(errBad, away(false),
				away(true)),
			&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &net.DNSError{Name: "postgres"}, syscall.EHOSTUNREACH,
		},
		subscription.WaitThenDeadLetter: {
			eventstore.ErrUnknownEvent, fmt.Errorf("%w: %w", eventstore.ErrUndecodable, eventstore.ErrUnknownEvent),
		},
		subscription.DeadLetterAtOnce: {eventstore.ErrUndecodable, eventstore.ErrInvalid, eventstore.ErrCommandReused},
		subscription.RetryThenDeadLetter: {
			errBad, context.DeadlineExceeded, away(false),
			&net.OpError{Op: "dial", Err: &net.AddrError{Err: "invalid port", Addr: "99999"}},
			&net.OpError{Op: "dial", Err: net.UnknownNetworkError("x")},
			&net.OpError{Op: "read", Err: syscall.ECONNRESET},
			goroutine.Apart("handler", func() error { panic(eventstore.ErrConflict) }),
		},
	} {
		for _, err := range all {
			require.Equal(t, want, subscription.Classify(err), "%T %v", err, err)
			require.Equal(t, want, subscription.Classify(fmt.Errorf("handle: %w", err)), "%T %v, wrapped", err, err)
		}
	}
}

// away is an error of a peer that may be away.
type away bool

func (a away) Error() string     { return fmt.Sprint("away: ", bool(a)) }
func (a away) Unavailable() bool { return bool(a) }
