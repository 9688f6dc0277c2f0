package kafka_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
)

// expel makes the group's coordinator give the instance the answer while the switch is on.
func expel(c *kfake.Cluster, client, address string, answer func(kmsg.Request) (kmsg.Response, error)) *atomic.Bool {
	on := new(atomic.Bool)
	meant := func(member string) bool { return on.Load() && strings.HasPrefix(member, client+"-") }
	c.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !meant(r.(*kmsg.HeartbeatRequest).MemberID) {
			return nil, nil, false
		}
		response, err := answer(r)
		return response, err, true
	})
	c.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		join := r.(*kmsg.JoinGroupRequest)
		first := on.Load() && strings.Contains(string(join.Protocols[0].Metadata), address) // it has no member id yet
		if !meant(join.MemberID) && !first {
			return nil, nil, false
		}
		response, err := answer(r)
		return response, err, true
	})
	return on
}

func forbid(r kmsg.Request) (kmsg.Response, error) {
	switch answer := r.ResponseKind().(type) {
	case *kmsg.HeartbeatResponse:
		answer.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return answer, nil
	case *kmsg.JoinGroupResponse:
		answer.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return answer, nil
	}
	return nil, errors.New("not asked for")
}

func silence(kmsg.Request) (kmsg.Response, error) { return nil, errors.New("the connection is lost") }

// awaitStatus waits until all partitions of the instance are as wanted.
func awaitStatus(t testing.TB, s *kafka.Store, what string, wanted func(kafka.PartitionStatus) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		all := true
		for _, p := range s.Status() {
			all = all && wanted(p)
		}
		if all {
			return
		}
		require.NoError(t, clock.Wait(ctx, time.Millisecond), what)
	}
}

// An instance that is out of the group says so. It keeps what it owns until the others claim that,
// and claims nothing back. At the right instance no append is refused. Once the group takes the
// instance again, it has its part.
func TestSharing_instanceOutOfTheGroupClaimsNothing(t *testing.T) {
	for name, answer := range map[string]func(kmsg.Request) (kmsg.Response, error){
		"refused":           forbid,
		"without an answer": silence,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := fake(t)
			s := newService(cfg, 4)
			create(t, s.cfg)
			a := s.start(t, "a:1")
			var claims atomic.Int64
			s.cfg.Hooks.Claimed = func(kafka.Claim) { claims.Add(1) }
			s.cfg.Connection.ClientID = "b"
			b := s.start(t, "b:1")
			awaitSharing(t, s, "a:1")
			require.NotZero(t, claims.Load())

			out := expel(c, "b", "b:1", answer)
			out.Store(true)
			awaitStatus(t, b, "b is out", func(p kafka.PartitionStatus) bool { return p.Outside != nil })
			awaitStatus(t, a, "a owns all", func(p kafka.PartitionStatus) bool { return p.Owned && p.Outside == nil })
			for i := range 20 { // an idle owner learns of its loss late
				_, err := b.Append(t.Context(), eventstore.To(stream(named("s", i)), eventstore.Any, records(1, "")...))
				require.ErrorIs(t, err, eventstore.ErrNotOwner)
			}
			awaitStatus(t, b, "b owns nothing", func(p kafka.PartitionStatus) bool { return !p.Owned })
			before := claims.Load()
			for i, ends := 0, time.Now().Add(3*time.Second); time.Now().Before(ends); i++ {
				_, err := a.Append(t.Context(),
					eventstore.To(stream(named("s", i%20)), eventstore.Any, records(1, "")...))
				require.NoError(t, err)
			}
			require.Equal(t, before, claims.Load(), "b claims nothing")

			out.Store(false)
			awaitStatus(t, b, "b is back", func(p kafka.PartitionStatus) bool { return p.Outside == nil })
			eventually(t, "b has its part", func() bool { return claims.Load() > before })
		})
	}
}
