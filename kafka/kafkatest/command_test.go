//go:build cluster && unix

package kafkatest_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestCommandLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		end   os.Signal
		fails bool
	}{
		{"interrupted", os.Interrupt, false},
		{"killed", os.Kill, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.fails {
				needParentDeathSignal(t)
			}
			cmd, stderr, exports := startCommand(t)
			require.Len(t, children(t, cmd.Process.Pid), 4)
			client := newClient(t, strings.Split(exports[kafkatest.EnvBrokers], ","))
			createTopic(t, client, "orders")
			roundTrip(t, client, "orders", "through the command")
			status, _ := ask(t, "GET", exports[kafkatest.EnvRegistry]+"/subjects", "")
			require.Equal(t, 200, status)

			require.NoError(t, cmd.Process.Signal(c.end))
			err := cmd.Wait()
			require.Equal(t, c.fails, err != nil, "%v: %s", err, stderr)
			require.Eventually(t, func() bool { return len(children(t, cmd.Process.Pid)) == 0 }, patience, tick)
			if !c.fails {
				require.NoDirExists(t, folder(t, stderr.String()))
			}
		})
	}
}

// startCommand builds the command, starts it, and returns what it exports.
func startCommand(t *testing.T) (*exec.Cmd, *bytes.Buffer, map[string]string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "cluster")
	output, err := exec.Command("go", "build", "-o", binary, "./cmd/cluster").CombinedOutput()
	require.NoError(t, err, "%s", output)

	var stderr bytes.Buffer
	cmd := exec.Command(binary)
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() }) // for a test that failed before it did

	exports, lines := map[string]string{}, bufio.NewScanner(stdout)
	for len(exports) < 2 && lines.Scan() {
		assignment, ok := strings.CutPrefix(lines.Text(), "export ")
		require.True(t, ok, lines.Text())
		name, value, _ := strings.Cut(assignment, "=")
		exports[name] = value
	}
	require.Len(t, exports, 2)
	return cmd, &stderr, exports
}
