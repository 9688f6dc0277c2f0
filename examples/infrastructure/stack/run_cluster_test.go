//go:build cluster && linux

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// buildStack builds the program.
func buildStack(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stack")
	built, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	return path
}

// descendants returns all processes that a process started, directly or not.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	children := make(map[int][]int)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		_, after, _ := strings.Cut(string(text), ") ") // the name before may hold anything
		parent, err := strconv.Atoi(strings.Fields(after)[1])
		require.NoError(t, err)
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(t, err)
		children[parent] = append(children[parent], child)
	}
	found := slices.Clone(children[pid])
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// requireGone waits until processes have ended. A process that nobody has waited for yet counts as
// ended.
func requireGone(t *testing.T, pids []int) {
	t.Helper()
	require.NotEmpty(t, pids)
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool {
			text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			_, after, _ := strings.Cut(string(text), ") ")
			return err == nil && !strings.HasPrefix(after, "Z")
		})
	}, patience, tick)
}

// Nothing of the program is left running, however it ends, also while it starts. TestStack shows
// that it ends in order once everything runs.
func TestNothingOutlivesTheProgram(t *testing.T) {
	path := buildStack(t)
	for _, c := range []struct {
		name    string
		moment  string // what it says when the signal comes
		signal  syscall.Signal
		code    int
		atLeast int // children at that moment
	}{
		{"Ctrl-C while it starts", "starting a schema registry", syscall.SIGINT, exitOK, brokers},
		{"killed", "lag-exporter is ready", syscall.SIGKILL, -1, brokers + 1 + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr kafkatest.Output
			cmd := exec.Command(path, "-free-ports")
			temporary := t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
			cmd.Stdin = strings.NewReader("help\n")
			cmd.Stdout, cmd.Stderr = &stderr, &stderr
			require.NoError(t, cmd.Start())
			ended := make(chan struct{})
			go func() {
				_ = cmd.Wait()
				close(ended)
			}()
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-ended
			})
			require.Eventually(t, func() bool {
				return strings.Contains(stderr.String(), c.moment)
			}, patience, tick, "%s", &stderr)
			stderr.Await(t, "status [PART], start PART, stop PART") // commands are served meanwhile
			require.NotContains(t, stderr.String(), "everything is healthy")
			pids := descendants(t, cmd.Process.Pid)
			require.GreaterOrEqual(t, len(pids), c.atLeast)
			require.NoError(t, cmd.Process.Signal(c.signal))
			<-ended
			require.Equal(t, c.code, cmd.ProcessState.ExitCode(), stderr.String())
			requireGone(t, pids)
			if c.code != exitOK {
				return
			}
			require.NotContains(t, stderr.String(), "stack: ")
			requireEmpty(t, temporary)
		})
	}
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// requireAddresses waits until the program has printed where everything is, and looks whether it is
// there.
func requireAddresses(t *testing.T, stdout *kafkatest.Output) {
	t.Helper()
	var text string
	require.Eventually(t, func() bool {
		text = stdout.String()
		return strings.Contains(text, "export SCHEMA_REGISTRY_URL=") && strings.HasSuffix(text, "\n")
	}, patience, tick)
	lines := make(map[string][]string)
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		lines[name] = strings.Fields(rest)
	}
	require.Len(t, lines["Kafka"], brokers)
	require.Len(t, lines["Brokers' metrics"], brokers)
	require.Contains(t, text, "\nexport KAFKA_BROKERS="+strings.Join(lines["Kafka"], ",")+"\n")
	require.Contains(t, text, "\nexport SCHEMA_REGISTRY_URL="+strings.Join(lines["Schema registry"], "")+"\n")
	for _, broker := range lines["Kafka"] {
		conn, err := net.Dial("tcp", broker)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	pages := slices.Concat(lines["Brokers' metrics"], lines["Groups' lag"], lines["Targets"], lines["Alerts"])
	for name, page := range map[string]string{
		"Schema registry": "/subjects", "Billing service": "/livez",
		"Prometheus": "/-/ready",
	} {
		require.Len(t, lines[name], 1, text)
		pages = append(pages, lines[name][0]+page)
	}
	for _, page := range pages {
		var err error
		require.Eventually(t, func() bool {
			_, err = get(t.Context(), page)
			return err == nil
		}, patience, tick, "%s: %v", page, &err)
	}
}
