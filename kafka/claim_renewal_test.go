package kafka_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
)

// holdRequest makes the first request of the kind that matches wait until release is called. held
// is closed when that request has come.
func holdRequest(
	t testing.TB, c *kfake.Cluster, key kmsg.Key, matches func(kmsg.Request) bool,
) (held <-chan struct{}, release func()) {
	t.Helper()
	came, free := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if matches(r) && !first.Swap(true) { // only one, because the fake brokers cannot close while two wait
			close(came)
			c.SleepControl(func() { <-free })
		}
		return nil, nil, false
	})
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	return came, release
}

func always(kmsg.Request) bool { return true }

// longest is a RequestTimeout that no test waits for. So nobody gives up a request that is not
// answered, and nobody sends it again. A claim accepts no longer one.
const longest = 14 * time.Minute

// A coordinator that does not answer a renewal holds up nothing, because the claim counts without
// it. The owner takes the answer when it comes.
func TestRenewal_holdsUpNoAppend(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	cfg.ClaimRenewal = 20 * time.Millisecond
	cfg.Connection.RequestTimeout = longest
	held, release := holdRequest(t, c, kmsg.InitProducerID, renews)
	var h heard
	cfg.Hooks = h.hooks()
	s := open(t, cfg)
	<-held
	renewals := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, When: renews, Observe: true, Count: -1})
	const appends = 50
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i := range appends {
		_, err := s.Append(ctx, eventstore.To(stream("a"), eventstore.Expected(i), records(1, "")...))
		require.NoError(t, err)
	}
	require.Zero(t, renewals.Hits(), "no other one was begun meanwhile")
	release()
	require.NoError(t, renewals.Wait(t.Context(), 3), "it and the ones that follow are answered")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), appends, records(1, "")...))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Empty(t, h.lost)
	require.Zero(t, s.Skipped())
}

// A store closes even if coordinators do not answer.
func TestClose_waitsForNoCoordinator(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]kmsg.Key{
		"a new term": kmsg.InitProducerID, "its transaction": kmsg.AddPartitionsToTxn, "its marker": kmsg.EndTxn,
		"who the coordinator is": kmsg.FindCoordinator,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			cfg.ClaimRenewal = 20 * time.Millisecond
			cfg.Connection.RequestTimeout = longest
			s := open(t, cfg)
			held, _ := holdRequest(t, c, key, always)
			if key == kmsg.FindCoordinator { // the store asks for it when the coordinator that it knows fails
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.NotCoordinator, Count: -1})
			}
			<-held
			closed := make(chan error, 1)
			go func() { closed <- s.Close() }()
			select {
			case err := <-closed:
				require.NoError(t, err)
			case <-time.After(time.Minute):
				require.Fail(t, "it waits")
			}
		})
	}
}
