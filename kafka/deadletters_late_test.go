package kafka_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
)

// holdLetters makes the broker carry out the first write to the dead-letter topic only once release
// is closed. Until then all further writes lose their connection. held is closed when the first one
// has come.
func holdLetters(c *kfake.Cluster, topic string, held, release chan struct{}) {
	first := true
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if r.(*kmsg.ProduceRequest).Topics[0].Topic != topic {
			return nil, nil, false
		}
		if first {
			first = false
			close(held)
			c.SleepControl(func() { <-release })
			return nil, nil, false
		}
		select {
		case <-release:
			return nil, nil, false
		default:
			return nil, errors.New("the connection is lost"), true
		}
	})
}

// endSession makes the group's coordinator forget a member. The member loses its partitions, and
// joins again.
func endSession(c *kfake.Cluster, group string) {
	var done atomic.Bool
	c.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		beat := r.(*kmsg.HeartbeatRequest)
		if beat.Group != group || done.Swap(true) {
			return nil, nil, false
		}
		answer := beat.ResponseKind().(*kmsg.HeartbeatResponse)
		answer.ErrorCode = kerr.UnknownMemberID.Code
		return answer, nil, true
	})
}

// A letter is written, its answer is lost, and the session ends. The same subscription gets the
// partition again, and handles the event. Then the write lands. The letter of an event that was
// handled does not stay open.
func TestDeadLetters_landAfterTheirEventIsDone(t *testing.T) {
	c, cfg := fake(t)
	cfg.Connection.RequestTimeout = 100 * time.Millisecond // a writer waits five seconds more
	cfg.SubscriptionHeartbeat, cfg.SubscriptionSession = 50*time.Millisecond, 6*time.Second
	made, err := cfg.Topics.All()
	require.NoError(t, err)
	s, d := open(t, cfg), openLetters(t, cfg)
	id := add(t, s, "a", 1)
	var readable atomic.Bool
	h := newHandled()
	h.fail = func(eventstore.Record) error {
		if !readable.Load() {
			return fmt.Errorf("unreadable: %w", eventstore.ErrUndecodable)
		}
		return nil
	}
	held, release := make(chan struct{}), make(chan struct{})
	holdLetters(c, made[len(made)-1].Name, held, release)
	subscribe(t, s, quick("late", h))
	<-held
	readable.Store(true)
	endSession(c, "late")
	h.seen(t, "a", id)
	all, err := d.List(t.Context(), "late")
	require.NoError(t, err)
	require.Empty(t, all, "nothing has landed yet")

	close(release)
	letter := subscription.LetterID{Handler: "late", Topic: topic, Partition: 0, Offset: 1} // behind the marker
	eventually(t, "the letter is in the topic and resolved", func() bool {
		_, traces, err := d.Show(t.Context(), letter)
		if errors.Is(err, subscription.ErrNoLetter) {
			return false
		}
		require.NoError(t, err)
		return len(traces) > 1
	})
	require.Equal(t, []string{"dead", "handled"}, whats(t, d, letter))
	listed(t, d, "late", 0)
	require.Equal(t, id, distinct(h.of("a")))
}
