package kafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// rivalEnv makes this test binary a second writer. It has the prefixes of transactional ids and of
// topics, and the brokers.
const rivalEnv = "FENCELOG_TEST_RIVAL"

// rivalLost is the line that a rival prints when it is no owner any more.
const rivalLost = "lost"

// beARival claims the partition with its own settings, and appends to one stream. It prints a line
// for each commit, until its input ends or it is killed.
func beARival(t *testing.T, args string) {
	of := strings.Split(args, " ")
	s := open(t, kafka.Config{
		TransactionalIDPrefix: of[0],
		Topics: topics.Config{
			Prefix:     of[1],
			Categories: []topics.Category{{Name: category, Partitions: 1}},
		},
		Connection: connection.Config{Brokers: strings.Split(of[2], ",")},
		Logger:     quiet(),
	})
	ends, end := context.WithCancel(t.Context())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	for ends.Err() == nil {
		r, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, uuid.NewString())...))
		if errors.Is(err, eventstore.ErrNotOwner) {
			_, _ = fmt.Fprintln(os.Stdout, rivalLost)
			<-ends.Done() // the service owns the partition again
			return
		}
		require.NoError(t, err)
		_, _ = fmt.Fprintln(os.Stdout, r.Last())
		_ = clock.Wait(ends, time.Millisecond)
	}
}

// rival is a second writer in a separate process.
type rival struct {
	process *exec.Cmd
	input   io.Closer // the rival ends when its input ends
	lines   *bufio.Scanner
	last    int64 // the last version that was acknowledged to it
}

func startRival(t *testing.T, test string, cfg kafka.Config, prefix string) *rival {
	t.Helper()
	brokers := strings.Join(cfg.Connection.Brokers, ",")
	r := &rival{process: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")}
	r.process.Env = append(os.Environ(),
		rivalEnv+"="+prefix+" "+strings.TrimSuffix(topicOf(cfg), ".account.events")+" "+brokers,
		kafkatest.EnvBrokers+"="+brokers)
	input, err := r.process.StdinPipe()
	require.NoError(t, err)
	r.input = input
	t.Cleanup(func() { _ = input.Close() })
	output, err := r.process.StdoutPipe()
	require.NoError(t, err)
	r.process.Stderr = os.Stderr
	require.NoError(t, r.process.Start())
	r.lines = bufio.NewScanner(output)
	return r
}

// wrote waits for the rival's next commit, and reports whether there is one.
func (r *rival) wrote(t *testing.T) bool {
	t.Helper()
	if !r.lines.Scan() || r.lines.Text() == rivalLost {
		return false
	}
	version, err := strconv.ParseInt(r.lines.Text(), 10, 64)
	if err == nil {
		r.last = version // otherwise the test framework has printed the line
	}
	return true
}

// kill kills the rival, and notes what was acknowledged to it before.
func (r *rival) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, r.process.Process.Kill())
	for r.wrote(t) {
	}
	require.Error(t, r.process.Wait())
}

// Another process takes the partition, goes on for a while, and is gone. It keeps the partition as
// long as it writes. Then the store claims the partition again.
func TestTaken_isClaimedAgainWhenTheOtherIsQuiet(t *testing.T) {
	if args := os.Getenv(rivalEnv); args != "" {
		beARival(t, args)
		return
	}
	_, cfg := fake(t)
	cfg.QuietTime = 2 * time.Second
	takenAndQuiet(t, cfg)
}

func takenAndQuiet(t *testing.T, cfg kafka.Config) {
	var h heard
	cfg.Hooks = h.hooks()
	s := open(t, cfg)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)

	r := startRival(t, t.Name(), cfg, kafka.DefaultTransactionalIDPrefix)
	const says = "another process has claimed the partition (term "
	begun := clock.Reading()
	for why := s.Status()[0].NotOwned; why == nil ||
		!strings.Contains(why.Error(), says); why = s.Status()[0].NotOwned {
		require.True(t, r.wrote(t), "until the store has noticed")
		require.Less(t, time.Since(begun), time.Minute, "%v", why)
	}
	for begun = clock.Reading(); time.Since(begun) < 5*cfg.QuietTime/4; {
		require.True(t, r.wrote(t), "it keeps the partition while it writes")
	}
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	for _, err := range []error{err, s.Status()[0].NotOwned} {
		var no *kafka.NotOwnerError
		require.ErrorAs(t, err, &no)
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err,
			"claims it again when the log has shown nothing of the other for "+cfg.QuietTime.String())
	}
	require.False(t, s.Status()[0].Ended)
	r.kill(t)

	result := appendWhenOwned(t, s, "a", "again")
	require.GreaterOrEqual(t, result.Last(), r.last+1, "it holds all that the other was acknowledged")
	require.LessOrEqual(t, result.Last(), r.last+2, "and what the other was killed amid, if that was stored")
	require.Len(t, ids(t, s, "a"), int(result.Last()))
	require.NoError(t, s.Status()[0].NotOwned)
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Len(t, h.lost, 1)
	require.Len(t, h.claimed, 2)
}

// If the partitions are shared, the store waits for nothing, because the group says who owns a
// partition. It does not matter which transactional ids the other has.
func TestTaken_whileSharingIsClaimedAgain(t *testing.T) {
	if args := os.Getenv(rivalEnv); args != "" {
		beARival(t, args)
		return
	}
	_, cfg := fake(t)
	cfg.Sharing = kafka.Sharing{Advertise: "a:1", Session: 6 * time.Second, Heartbeat: 50 * time.Millisecond}
	s := open(t, cfg)
	for _, prefix := range []string{kafka.DefaultTransactionalIDPrefix, "foreign"} {
		r := startRival(t, t.Name(), cfg, prefix)
		require.True(t, r.wrote(t), prefix)
		result := appendWhenOwned(t, s, "a", "again, after "+prefix)
		require.NoError(t, r.input.Close())
		for r.wrote(t) {
		}
		require.NoError(t, r.process.Wait())
		require.NotZero(t, r.last)
		require.Greater(t, appendWhenOwned(t, s, "a", "once more, after "+prefix).Last(), max(result.Last(), r.last))
	}
}

// Two running stores that append nothing leave the partition to each other in turn. Their appends
// count in one order.
func TestTaken_goesToAndFroBetweenTwoThatAreIdle(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	cfg.QuietTime = 20 * time.Millisecond
	first, second := open(t, cfg), open(t, cfg)
	for i := range 2 {
		appendWhenOwned(t, first, "a", named("first", i))
		appendWhenOwned(t, second, "a", named("second", i))
	}
	awaitVersion(t, first, "a", 4)
	require.Len(t, ids(t, first, "a"), 4)
}
