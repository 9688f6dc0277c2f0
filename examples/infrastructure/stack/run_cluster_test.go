//go:build cluster && linux

package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// buildStack builds the program.
func buildStack(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stack")
	built, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	return path
}

// descendants returns all processes that a process started, however indirectly.
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

// requireGone waits until processes have ended; one that nobody has waited for yet counts as ended.
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

// However the program ends, and whenever, nothing of it is left running.
func TestNothingOutlivesTheProgram(t *testing.T) {
	path := buildStack(t)
	const parts = 3 + 1 + 1 + 1 + 1 // brokers, registry, lag exporter, billing service, Prometheus
	for _, c := range []struct {
		name    string
		moment  string // what it says when the signal comes
		signal  syscall.Signal
		code    int
		atLeast int // children at that moment
	}{
		{"Ctrl-C", "press Ctrl-C to stop", syscall.SIGINT, exitOK, parts},
		{"Ctrl-C while it starts", "registry is ready", syscall.SIGINT, exitOK, 3},
		{"killed", "press Ctrl-C to stop", syscall.SIGKILL, -1, parts},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr output
			cmd := exec.Command(path, "-free-ports")
			temporary := t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
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
			require.Eventually(t, func() bool { return strings.Contains(stderr.String(), c.moment) }, patience, tick, "%s", &stderr)
			if c.atLeast == parts {
				requireAddresses(t, &stdout)
			}
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
			left, err := os.ReadDir(temporary)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// requireAddresses waits until the program has printed where everything is, and looks whether it is there.
func requireAddresses(t *testing.T, stdout *output) {
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
	pages := append(slices.Clone(lines["Brokers' metrics"]), lines["Groups' lag"]...)
	for name, page := range map[string]string{"Schema registry": "/subjects", "Billing service": "/livez", "Prometheus": "/-/ready"} {
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

// When a part cannot start, the others are taken down, and the end of its log is shown.
func TestAPartThatDoesNotStart(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho the disk is haunted\nexit 3\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "prometheus"), []byte(script), 0o755))
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	var stdout, stderr output
	require.Equal(t, exitFailed, run(t.Context(), []string{"-free-ports"}, &stdout, &stderr))
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "stack: prometheus ended by itself (exit status 3); its log ends:\n    the disk is haunted")
	require.Contains(t, stderr.String(), "lag-exporter is ready", "it had come that far")
	require.Empty(t, descendants(t, os.Getpid()))
}

// When a part ends later, the program says so and ends.
func TestAPartThatEnds(t *testing.T) {
	for _, c := range []struct{ command, says string }{
		{"lag-exporter", "lag-exporter ended by itself (signal: killed)"},
		{"broker-1.properties", "broker 1: process died: signal: killed"},
		{"quarkus-run.jar", "registry: process died: signal: killed"},
	} {
		t.Run(c.command, func(t *testing.T) {
			var stdout, stderr output
			code := make(chan int, 1)
			go func() { code <- run(t.Context(), []string{"-free-ports"}, &stdout, &stderr) }()
			require.Eventually(t, func() bool { return strings.Contains(stderr.String(), "press Ctrl-C") }, patience, tick)
			killed := 0
			for _, pid := range descendants(t, os.Getpid()) {
				command, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
				require.NoError(t, err)
				if strings.Contains(string(command), c.command) {
					require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
					killed++
				}
			}
			require.Equal(t, 1, killed)
			require.Equal(t, exitFailed, <-code)
			require.Contains(t, stderr.String(), c.says)
			require.Empty(t, descendants(t, os.Getpid()))
		})
	}
}
