//go:build cluster

package kafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// memberEnv makes this test binary a member of a group, as the test below starts it. It has the
// topic prefix and the brokers.
const memberEnv = "FENCELOG_TEST_MEMBER"

// soon makes the group miss a killed member after the shortest session that brokers allow.
func soon(cfg kafka.Config) kafka.Config {
	cfg.SubscriptionSession, cfg.SubscriptionHeartbeat = 6*time.Second, 500*time.Millisecond
	return cfg
}

// ofTwo is a subscription of both processes.
func ofTwo(h func(context.Context, eventstore.Record) error) subscription.Config {
	cfg := quick("pair", newHandled())
	cfg.Handler = h
	return cfg
}

// Two processes share a group, and one is killed during its work. The other one handles all that
// the first had not committed, each aggregate's events in order. All that the first had set aside
// stays aside.
func TestSubscription_killedMemberLosesNothing(t *testing.T) {
	if args := os.Getenv(memberEnv); args != "" {
		beAMember(t, args)
		return
	}
	cfg := soon(realWith(t, 4))
	s := open(t, cfg)
	const streams = 20
	want := make(map[string][]string)
	for i := range streams {
		id := named("s", i)
		want[id] = add(t, s, id, 4)
	}
	h := newHandled()
	child, lines := startMember(t, cfg)
	for range 12 { // it is in the middle of its work
		h.took(t, lines)
	}
	d := openLetters(t, cfg)
	eventually(t, "it has set something aside", func() bool {
		all, err := d.List(t.Context(), "pair")
		require.NoError(t, err)
		return len(all) > 0
	})
	require.NoError(t, child.Process.Kill())
	for h.took(t, lines) { // what it wrote before
	}
	require.Error(t, child.Wait())

	poisoned := func(ctx context.Context, r eventstore.Record) error {
		if isPoison(r) {
			return errors.New("poison") // never called, because the event is set aside
		}
		return h.handle(ctx, r)
	}
	sub := subscribe(t, s, ofTwo(poisoned))
	for id, events := range want {
		if id != "s-0" {
			h.seen(t, id, events)
		}
	}
	letters := listed(t, d, "pair", len(want["s-0"])-1)
	require.Equal(t, want["s-0"][:1], distinct(h.of("s-0")))
	require.Equal(t, "s-0", letters[0].Key)
	require.Zero(t, sub.Stats().DeadLettered, "it knows what the other one set aside")
	t.Logf("%d events were handled here", sub.Stats().Handled)
}

// isPoison reports whether the event is the second one of the first stream.
func isPoison(r eventstore.Record) bool { return r.AggregateID == "s-0" && r.AggregateVersion == 2 }

// took notes what the other process has handled. It reports whether that process said anything.
func (h *handled) took(t testing.TB, lines *bufio.Scanner) bool {
	t.Helper()
	if !lines.Scan() {
		return false
	}
	aggregate, event, ok := strings.Cut(lines.Text(), " ")
	require.True(t, ok, "the other process says: %s", lines.Text())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids[aggregate] = append(h.ids[aggregate], event)
	return true
}

func startMember(t *testing.T, cfg kafka.Config) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	brokers := strings.Join(cfg.Connection.Brokers, ",")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSubscription_killedMemberLosesNothing$")
	// it starts no cluster
	child.Env = append(os.Environ(), memberEnv+"="+cfg.Topics.Prefix+" "+brokers, kafkatest.EnvBrokers+"="+brokers)
	// nobody writes to it; the child ends when it ends
	input, err := child.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = input.Close() })
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	return child, bufio.NewScanner(output)
}

// beAMember prints what it handles, until its input ends. After some events it waits in the
// handler, so that it is killed during its work.
func beAMember(t *testing.T, args string) {
	prefix, brokers, _ := strings.Cut(args, " ")
	s := openReader(t, soon(kafka.Config{
		Connection: connection.Config{Brokers: strings.Split(brokers, ",")},
		Topics:     topics.Config{Prefix: prefix, Categories: []topics.Category{{Name: category, Partitions: 4}}},
		Logger:     quiet(),
	}))
	var n atomic.Int64
	var poisoned atomic.Bool
	subscribe(t, s, ofTwo(func(ctx context.Context, r eventstore.Record) error {
		if isPoison(r) {
			poisoned.Store(true)
			return fmt.Errorf("poison: %w", eventstore.ErrUndecodable)
		}
		_, _ = io.WriteString(os.Stdout, r.AggregateID+" "+r.ID+"\n")
		if n.Add(1) > 20 && poisoned.Load() {
			<-ctx.Done()
		}
		return ctx.Err()
	}))
	_, _ = io.Copy(io.Discard, os.Stdin)
}
