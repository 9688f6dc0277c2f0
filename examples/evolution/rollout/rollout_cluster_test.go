//go:build cluster

package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/deadletters"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// tills are so many that each partition has some.
const tills = 12

// Two builds run beside each other, in either order. An event that the old one does not know waits
// there until the new one has the partition, and the old one says so. Nothing is set aside, nothing
// is lost, and each till keeps its order.
func TestTwoReleasesBesideEachOther(t *testing.T) {
	cluster := kafkatest.ForTest(t, kafkatest.Config{Registry: true})
	folder := t.TempDir()
	old, next := build(t, folder, "old"), build(t, folder, "new", "-tags", "release2")
	for _, order := range []struct {
		name  string
		first string
		then  string
	}{{"the old one was there", old, next}, {"the new one was there", next, old}} {
		t.Run(order.name, func(t *testing.T) {
			w := newWorld(t, cluster)
			writer := w.start(t, next, "-claim")
			writer.stop(t) // it only registers the schemas, before anybody needs them
			first := w.start(t, order.first, claims(order.first, next)...)
			second := w.start(t, order.then, claims(order.then, next)...)
			ofOld, ofNew := first, second
			if order.first == next {
				ofOld, ofNew = second, first
			}
			w.until(t, "both have partitions", func() bool {
				return ofOld.stats(t)["partitions"] == 2 && ofNew.stats(t)["partitions"] == 2
			})
			for i := range tills {
				for _, what := range []string{"pay", "refund", "pay"} {
					ofNew.do(t, fmt.Sprintf("%s till-%d", what, i))
				}
			}
			w.until(t, "the old one waits", func() bool { return ofOld.stats(t)["waiting"] > 0 })
			ofOld.log.Await(t, `msg="subscription waits"`)
			ofOld.log.Await(t, "a release that knows the event's type and schema")
			ofOld.stop(t)
			w.until(t, "all is handled", func() bool { return w.handled() == 3*tills })
			w.inOrder(t)
			letters, err := deadletters.Open(t.Context(), w.cfg.Connection, w.cfg.Topics)
			require.NoError(t, err)
			defer letters.Close()
			found, err := letters.List(t.Context(), "")
			require.NoError(t, err)
			require.Empty(t, found, "nothing that only had to wait was set aside")
			ofNew.stop(t)
		})
	}
}

func claims(build, next string) []string {
	if build == next {
		return []string{"-claim"}
	}
	return nil
}

func build(t *testing.T, folder, name string, flags ...string) string {
	t.Helper()
	program := filepath.Join(folder, name)
	out, err := exec.CommandContext(t.Context(), "go",
		append(append([]string{"build", "-o", program}, flags...), ".")...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// world is the common part of a service's instances, and the record of what they said.
type world struct {
	cfg kafka.Config
	env []string

	mu   sync.Mutex
	seen map[string][]int // versions in the order in which they were handled first, by till
}

func newWorld(t *testing.T, cluster *kafkatest.Cluster) *world {
	t.Helper()
	prefix := "rollout-" + uuid.NewString()[:8]
	w := &world{seen: make(map[string][]int)}
	w.env = append(os.Environ(),
		"KAFKA_BROKERS="+strings.Join(cluster.Brokers(), ","), "SCHEMA_REGISTRY_URL="+cluster.RegistryURL(),
		environment.TopicPrefix+"="+prefix)
	w.cfg = kafka.Config{
		Connection: connection.Config{Brokers: cluster.Brokers()},
		Topics: topics.Config{
			Prefix: prefix, Categories: []topics.Category{{Name: tillType, Partitions: partitions}},
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	kafkatest.Topics(t, w.cfg)
	return w
}

func (w *world) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 3*time.Minute, 50*time.Millisecond, what)
}

func (w *world) handled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, versions := range w.seen {
		n += len(versions)
	}
	return n
}

// inOrder fails if a till's events were not handled first in their order.
func (w *world) inOrder(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for till, versions := range w.seen {
		require.Equal(t, []int{1, 2, 3}, versions, till)
	}
}

// instance is a process of one release.
type instance struct {
	cmd     *exec.Cmd
	input   io.WriteCloser
	answers chan string
	log     kafkatest.Output
}

// start starts an instance, and returns once it is ready.
func (w *world) start(t *testing.T, program string, args ...string) *instance {
	t.Helper()
	i := &instance{cmd: exec.CommandContext(t.Context(), program, args...), answers: make(chan string, 3*tills+100)}
	i.cmd.Env, i.cmd.Stderr = w.env, &i.log
	input, err := i.cmd.StdinPipe()
	require.NoError(t, err)
	output, err := i.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, i.cmd.Start())
	i.input = input
	t.Cleanup(func() { _ = input.Close() })
	go func() {
		defer close(i.answers)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if !w.took(lines.Text()) {
				i.answers <- lines.Text()
			}
		}
	}()
	require.Equal(t, "ready", i.answer(t))
	return i
}

// took notes an event that was handled.
func (w *world) took(line string) bool {
	var till, what string
	var version int
	if _, err := fmt.Sscanf(line, "handled %s %d %s", &till, &version, &what); err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, known := range w.seen[till] {
		if known == version {
			return true
		}
	}
	w.seen[till] = append(w.seen[till], version)
	return true
}

func (i *instance) answer(t *testing.T) string {
	t.Helper()
	select {
	case line, running := <-i.answers:
		require.True(t, running, "the instance has ended: %s", i.log.String())
		return line
	case <-time.After(3 * time.Minute):
		require.Fail(t, "the instance does not answer")
		return ""
	}
}

func (i *instance) do(t *testing.T, order string) {
	t.Helper()
	_, err := io.WriteString(i.input, order+"\n")
	require.NoError(t, err)
	require.Equal(t, "done "+order, i.answer(t))
}

// stats asks for the subscription's figures.
func (i *instance) stats(t *testing.T) map[string]int {
	t.Helper()
	_, err := io.WriteString(i.input, "stats\n")
	require.NoError(t, err)
	found := make(map[string]int)
	for _, field := range strings.Fields(i.answer(t))[1:] {
		name, value, _ := strings.Cut(field, "=")
		n, err := strconv.Atoi(value)
		require.NoError(t, err)
		found[name] = n
	}
	return found
}

// stop ends the instance as a deployment does, and waits for it.
func (i *instance) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, i.input.Close())
	for range i.answers {
		continue
	}
	require.NoError(t, i.cmd.Wait(), "%s", i.log.String())
}
