//go:build unix

package process_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 2 * time.Minute

// start starts a shell script whose log is in a new folder. The test kills it.
func start(t *testing.T, script string) *process.Child {
	t.Helper()
	c, err := process.Start(process.Spec{
		Name: "part", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "part.log"),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Kill()) })
	return c
}

// printed waits until the child has printed something.
func printed(t *testing.T, c *process.Child, text string) {
	t.Helper()
	says := func() bool { return strings.Contains(process.Tail(c.Log()), text) }
	require.Eventually(t, says, patience, time.Millisecond)
}

// A child ends by itself. To stop or kill it afterwards does not make its end look wanted.
func TestAStopDoesNotHideADeath(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*process.Child) error{
		"stop": func(c *process.Child) error { return c.Stop(patience) },
		"kill": (*process.Child).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, "exit 3")
			<-c.Done()
			require.NoError(t, ask(c))
			require.False(t, c.Asked())
			require.Equal(t, "ended by itself (exit status 3), its log is "+c.Log(), c.Status())
		})
	}
}

func TestStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script, state string
		stop                func(*process.Child) error
	}{
		{
			"in order", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", "exit status 7",
			func(c *process.Child) error { return c.Stop(patience) },
		},
		{
			"by force", "trap '' TERM; echo ready; while :; do sleep 0.01; done", "signal: killed",
			func(c *process.Child) error { return c.Stop(time.Millisecond) },
		},
		{"killed", "echo ready; exec sleep 600", "signal: killed", (*process.Child).Kill},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, c.script)
			printed(t, p, "ready")
			require.True(t, p.Runs())
			require.Contains(t, p.Status(), "runs as process ")
			require.NoError(t, c.stop(p))
			require.Equal(t, c.state, p.State())
			require.True(t, p.Asked())
			require.Equal(t, "stopped", p.Status())
			require.NoError(t, p.Kill(), "again")
			require.ErrorIs(t, p.Signal(syscall.SIGCONT), os.ErrProcessDone)
		})
	}
}

// A program that is killed takes with it what it has started.
func TestRunKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	pids := filepath.Join(t.TempDir(), "pids")
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `sleep 600 & echo $! > "$0.new"; mv "$0.new" "$0"; wait`, pids)
	ended := make(chan error, 1)
	go func() { ended <- process.Run(ctx, cmd) }()
	var text []byte
	require.Eventually(t, func() bool {
		var err error
		text, err = os.ReadFile(pids)
		return err == nil
	}, patience, time.Millisecond)
	stop(stopped)
	require.ErrorIs(t, <-ended, stopped)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	state, err := exec.CommandContext(t.Context(), "ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	require.True(t, err != nil || strings.HasPrefix(string(state), "Z"), "it runs: %s", state)

	require.NoError(t, process.Run(t.Context(), exec.CommandContext(t.Context(), "true")))
	failed := process.Run(t.Context(), exec.CommandContext(t.Context(), "false"))
	require.EqualError(t, failed, "exit status 1")
	require.ErrorIs(t, process.Run(ctx, exec.CommandContext(ctx, "true")), stopped, "it does not start")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	c := start(t, "seq 1 100; echo the end >&2")
	<-c.Done()
	logged := process.Logged(c.Log(), process.Tail(c.Log()))
	require.True(t, strings.HasPrefix(logged, "its log is "+c.Log()+", which ends:\n    77\n    78\n"), logged)
	require.True(t, strings.HasSuffix(logged, "\n    100\n    the end"), logged)
	silent := start(t, "true")
	<-silent.Done()
	require.Equal(t, "its log is x (empty)", process.Logged("x", process.Tail(silent.Log())))
	require.Contains(t, process.Tail(filepath.Join(t.TempDir(), "missing")), "no such file")
}

func TestWhatCannotStart(t *testing.T) {
	t.Parallel()
	_, err := process.Start(process.Spec{Name: "part", Path: "/nowhere", Log: filepath.Join(t.TempDir(), "part.log")})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "part: start: ")
	_, err = process.Start(process.Spec{
		Name: "part", Path: "/bin/sh", Log: filepath.Join(t.TempDir(), "missing", "part.log"),
	})
	require.ErrorContains(t, err, "part: log: ")
}
