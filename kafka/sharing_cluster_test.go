//go:build cluster

package kafka_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func realService(t testing.TB, partitions int32) *service {
	t.Helper()
	s := newService(kafka.Config{
		Connection: connection.Config{Brokers: shared.Get(t).Brokers()},
		Logger:     quiet(),
	}, partitions)
	s.cfg.Topics.Prefix = "shared-" + uuid.NewString()[:8]
	s.cfg.TransactionalIDPrefix = s.cfg.Topics.Prefix // the group's name rests on it: no other test uses it
	return s
}

func TestSharing_underLoad_onBrokers(t *testing.T) { shareUnderLoad(t, realService(t, 5), 8) }

// An instance that is closed hands its partitions over at once, and not when its session is over.
// Another instance then writes to every one of them. The test compares two medians: of the times to
// hand over, and of the times until the instance has come. Both are changes of owners.
func TestSharing_closedInstanceHandsOver(t *testing.T) {
	s := realService(t, 6)
	s.session = time.Minute
	create(t, s.cfg)
	s.start(t, "a:1")
	var comes, goes []time.Duration
	for range 5 {
		began := time.Now()
		s.start(t, "b:1")
		awaitSharing(t, s, "a:1")
		comes = append(comes, time.Since(began))
		began = time.Now()
		s.stop(t, "b:1")
		for i := range 30 {
			_, err := s.append(t.Context(), named("stream", i), records(1, uuid.NewString()))
			require.NoError(t, err)
		}
		goes = append(goes, time.Since(began))
		require.Less(t, goes[len(goes)-1], s.session, "the session")
	}
	slices.Sort(comes)
	slices.Sort(goes)
	t.Logf("instances come in %s, and hand over in %s", comes, goes)
	require.Less(t, goes[len(goes)/2], 4*comes[len(comes)/2])
}

// instanceEnv makes this test binary an instance, as the test below starts it. It has the topic
// prefix and the brokers.
const instanceEnv = "FENCELOG_TEST_INSTANCE"

// An instance is killed. When its session is over, the others own its partitions, and know
// everything that it appended.
func TestSharing_killedInstanceIsTakenOver(t *testing.T) {
	if args := os.Getenv(instanceEnv); args != "" {
		beAnInstance(t, args)
		return
	}
	s := realService(t, 6)
	create(t, s.cfg)
	s.start(t, "a:1")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSharing_killedInstanceIsTakenOver$")
	child.Env = append(os.Environ(), instanceEnv+"="+s.cfg.Topics.Prefix+" "+strings.Join(s.cfg.Connection.Brokers,
		","),
		kafkatest.EnvBrokers+"="+strings.Join(s.cfg.Connection.Brokers, ",")) // it starts no cluster
	input, err := child.StdinPipe() // nobody writes to it; the child ends when it ends
	require.NoError(t, err)
	defer input.Close()
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	appended := strings.Fields(line)
	require.NotEmpty(t, appended)
	awaitSharing(t, s, "a:1")

	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, id := range appended {
		r, err := s.append(ctx, id, records(1, uuid.NewString()))
		require.NoError(t, err)
		require.Equal(t, int64(2), r.Last(), "after what the killed one appended")
	}
	t.Logf("taken over after %s", time.Since(began).Round(time.Millisecond))
}

// beAnInstance appends to some streams, and prints the ones that it owns. It stays until its input
// ends.
func beAnInstance(t *testing.T, args string) {
	prefix, brokers, _ := strings.Cut(args, " ")
	s := newService(kafka.Config{
		Connection: connection.Config{Brokers: strings.Split(brokers, ",")},
		Logger:     quiet(),
	}, 6)
	s.cfg.Topics.Prefix, s.cfg.TransactionalIDPrefix = prefix, prefix
	store := s.start(t, "b:1")
	var appended []string
	for i := range 30 {
		id := named("child", i)
		if _, err := store.Append(t.Context(),
			eventstore.To(stream(id), eventstore.NoStream, records(1, "")...)); err == nil {
			appended = append(appended, id)
		}
	}
	_, _ = io.WriteString(os.Stdout, strings.Join(appended, " ")+"\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}
