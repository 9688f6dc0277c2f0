//go:build unix

package kafkatest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

const (
	envPids = "KAFKATEST_PIDS" // where stub brokers write their process ids
	envPart = "KAFKATEST_PART" // the part that a second copy of this test binary plays
)

// sleeper is a broker that starts and never becomes ready.
const sleeper = "echo $$ >> \"$" + envPids + "\"\nexec sleep 600\n"

// stub is a cache that seems to hold Kafka, and a Java that is a shell script.
type stub struct{ cache, pids string }

// newStub makes the environment point at a stub. Tests that use it do not run in parallel.
func newStub(t *testing.T, java string) stub {
	t.Helper()
	home, s := t.TempDir(), stub{cache: t.TempDir()}
	s.pids = filepath.Join(s.cache, "pids")
	writeFile(t, filepath.Join(home, "bin", "java"), "#!/bin/sh\n"+java)
	writeFile(t, filepath.Join(s.cache, "kafka-"+kafkatest.DefaultVersion, "storage", "meta.properties"),
		"version=1\ncluster.id=x\nnode.id=0\ndirectory.id=y\n")
	t.Setenv("JAVA_HOME", home)
	t.Setenv(kafkatest.EnvCache, s.cache)
	t.Setenv(kafkatest.EnvVersion, "")
	t.Setenv(envPids, s.pids)
	return s
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
}

// started returns the ids of the stub brokers that have started.
func (s stub) started() []int {
	b, err := os.ReadFile(s.pids)
	if err != nil {
		return nil
	}
	var pids []int
	for line := range strings.Lines(string(b)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitStarted waits until n stub brokers have started.
func (s stub) awaitStarted(t *testing.T, n int) []int {
	t.Helper()
	require.Eventually(t, func() bool { return len(s.started()) == n }, patience, tick)
	return s.started()
}

// runDirs returns the folders of clusters, running or not.
func (s stub) runDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(s.cache, "run", "*-*"))
	require.NoError(t, err)
	return dirs
}

// alive reports whether a process exists and has not ended. One that its parent has not reaped yet
// has ended.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func requireGone(t *testing.T, pids []int) {
	t.Helper()
	require.NotEmpty(t, pids)
	require.Eventually(t, func() bool {
		for _, pid := range pids {
			if alive(pid) {
				return false
			}
		}
		return true
	}, patience, tick)
}

// play is the work of a second copy of this test binary. It starts brokers that never become ready,
// and ends as part says once they run.
func play(part string) int {
	s := stub{pids: os.Getenv(envPids)}
	failed := make(chan error, 1)
	go func() {
		_, err := kafkatest.Start(context.Background(), kafkatest.Config{})
		failed <- err
	}()
	ticker := time.NewTicker(tick)
	for {
		select {
		case err := <-failed:
			fmt.Fprintln(os.Stderr, err)
			return 1
		case <-ticker.C:
			switch {
			case len(s.started()) < kafkatest.DefaultBrokers:
			case part == "exit":
				return 0
			case part == "panic":
				panic("as the test wants it")
			}
		}
	}
}

// startCopy starts a second copy of this test binary that plays a part.
func startCopy(t *testing.T, part string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var output bytes.Buffer
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envPart+"="+part)
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	return cmd, &output
}
