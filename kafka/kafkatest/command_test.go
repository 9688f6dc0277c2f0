//go:build cluster && unix

package kafkatest_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// The command tells which broker has died, starts it again on command, and leaves nothing behind
// when it is interrupted.
func TestCommand(t *testing.T) {
	c := startCommand(t)
	require.Len(t, children(t, c.Process.Pid), 4)
	client := newClient(t, strings.Split(c.exports[kafkatest.EnvBrokers], ","))
	createTopic(t, client, "orders")
	roundTrip(t, client, "orders", "through the command")
	status, _ := ask(t, "GET", c.exports[kafkatest.EnvRegistry]+"/subjects", "")
	require.Equal(t, 200, status)

	require.NoError(t, syscall.Kill(brokerOf(t, c.Process.Pid, 1), syscall.SIGKILL))
	c.stderr.Await(t, "to start broker-1 again, type here: start broker-1")
	require.Regexp(t, `broker-1: process died: signal: killed; its log is \S+/broker-1.log, which ends:\n    `,
		c.stderr)
	roundTrip(t, client, "orders", "the others go on")
	_, err := io.WriteString(c.stdin, "start broker-1\n")
	require.NoError(t, err)
	c.stderr.Await(t, "broker-1 is started")
	require.Len(t, children(t, c.Process.Pid), 4)

	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.NoError(t, c.Wait(), "%s", c.stderr)
	require.Eventually(t, func() bool { return len(children(t, c.Process.Pid)) == 0 }, patience, tick)
	require.NoDirExists(t, folder(t, c.stderr.String()))
	left, err := os.ReadDir(c.temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestCommandThatIsKilled(t *testing.T) {
	needParentDeathSignal(t)
	c := startCommand(t, "-brokers=1", "-registry=false")
	require.Len(t, children(t, c.Process.Pid), 1)
	run := folder(t, c.stderr.String())
	require.FileExists(t, filepath.Join(run, "commands"))
	require.NoError(t, c.Process.Kill())
	require.Error(t, c.Wait())
	left, err := os.ReadDir(c.temporary)
	require.NoError(t, err)
	require.Empty(t, left, "what is left is in the folder that the next start removes")
	require.Eventually(t, func() bool { return len(children(t, c.Process.Pid)) == 0 }, patience, tick)
}

// command is the command as it runs.
type command struct {
	*exec.Cmd
	stdin     io.Writer
	stderr    *kafkatest.Output
	exports   map[string]string
	temporary string // its folder for temporary files
}

// startCommand builds the command, starts it, and waits until it takes commands.
func startCommand(t *testing.T, args ...string) *command {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "cluster")
	output, err := exec.Command("go", "build", "-o", binary, "./cmd/cluster").CombinedOutput()
	require.NoError(t, err, "%s", output)

	c := &command{
		Cmd: exec.Command(binary, args...), stderr: new(kafkatest.Output), exports: make(map[string]string),
		temporary: t.TempDir(),
	}
	var stdout kafkatest.Output
	c.Env = append(os.Environ(), "TMPDIR="+c.temporary)
	c.Stdout, c.Stderr = &stdout, c.stderr
	c.stdin, err = c.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // for a test that failed before the command ended
	c.stderr.Await(t, "press Ctrl-C")
	for line := range strings.Lines(stdout.String()) {
		assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
		require.True(t, ok, line)
		name, value, _ := strings.Cut(assignment, "=")
		c.exports[name] = value
	}
	require.NotEmpty(t, c.exports)
	return c
}
