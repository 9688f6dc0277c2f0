//go:build unix

package kafkatest_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestStartReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := kafkatest.Start(t.Context(), kafkatest.Config{
		Version: "../4", Brokers: 10, Ports: []int{1, 1, 70000}, RegistryPort: 5, Dir: "a,b", MetricsPorts: []int{2, 2},
		Properties: map[string]string{"node.id": "7", "log.dir": "/elsewhere", "log.retention.ms": "1"},
	})
	for _, want := range []string{
		`version "../4"`, "10 brokers: give 1 to 9", "3 ports for 10 brokers", "port 1 is given twice",
		"port 70000", "registry port 5 without a registry",
		"2 metrics ports for 10 brokers", "metrics ports without metrics rules", "port 2 is given twice",
		`folder "a,b"`, "property node.id", "property log.dir",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "log.retention.ms")
}

func TestStartSaysWhichProgramIsMissing(t *testing.T) {
	for _, c := range []struct {
		name, tool string
		prepare    func(t *testing.T)
	}{
		{"java", "java", func(t *testing.T) {
			t.Helper()
			t.Setenv("JAVA_HOME", "")
			t.Setenv("PATH", t.TempDir())
		}},
		{"java of JAVA_HOME", "/nowhere/bin/java", func(t *testing.T) {
			t.Helper()
			t.Setenv("JAVA_HOME", "/nowhere")
		}},
		{"mvn", "mvn", func(t *testing.T) {
			t.Helper()
			newStub(t, sleeper)
			t.Setenv(kafkatest.EnvCache, t.TempDir())
			t.Setenv("PATH", t.TempDir())
		}},
		{"python", "python3", func(t *testing.T) {
			t.Helper()
			newStub(t, sleeper)
			t.Setenv("PATH", t.TempDir())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(kafkatest.EnvCache, t.TempDir())
			c.prepare(t)
			_, err := kafkatest.Start(t.Context(), kafkatest.Config{Registry: true})
			require.ErrorIs(t, err, kafkatest.ErrToolMissing)
			var tool *kafkatest.ToolError
			require.ErrorAs(t, err, &tool)
			require.Equal(t, c.tool, tool.Tool)
			require.ErrorContains(t, err, "install")
		})
	}
}

func TestStartTriesADownloadAgainAndShowsItsOutput(t *testing.T) {
	s := newStub(t, sleeper)
	bin, tries := t.TempDir(), filepath.Join(s.cache, "tries")
	writeFile(t, filepath.Join(bin, "mvn"), "#!/bin/sh\necho try >> "+tries+"\necho no route to the moon >&2\nexit 1\n")
	t.Setenv("PATH", bin)

	_, err := kafkatest.Start(t.Context(), kafkatest.Config{Version: "9.9.9"})
	require.ErrorIs(t, err, kafkatest.ErrToolFailed)
	require.ErrorContains(t, err, "no route to the moon")
	counted, err := os.ReadFile(tries)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(counted), "try"))
	left, err := filepath.Glob(filepath.Join(s.cache, "kafka-9.9.9*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(s.cache, "kafka-9.9.9.lock")}, left,
		"half a download looks like a whole one")
}

func TestStartShowsTheLogOfABrokerThatDied(t *testing.T) {
	s := newStub(t, "echo the quorum is haunted\nexit 3\n")
	_, err := kafkatest.Start(t.Context(), kafkatest.Config{})
	require.ErrorIs(t, err, kafkatest.ErrProcessDied)
	var died *kafkatest.ProcessError
	require.ErrorAs(t, err, &died)
	require.Contains(t, died.Process, "broker")
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "the quorum is haunted")
	require.FileExists(t, died.LogPath)

	require.Len(t, s.runDirs(t), 1, "the log is kept")
	_, err = kafkatest.Start(t.Context(), kafkatest.Config{})
	require.ErrorIs(t, err, kafkatest.ErrProcessDied)
	require.NoFileExists(t, died.LogPath, "the next start clears it away")
	require.Len(t, s.runDirs(t), 1)
}

// Brokers start without an archive of their classes if Java makes none.
func TestStartWithoutAnArchive(t *testing.T) {
	s := newStub(t, "echo it has no room >&2\nexit 3\n")
	writeFile(t, filepath.Join(s.cache, "kafka-"+kafkatest.DefaultVersion, "libs", "kafka.jar"), "")
	var told bytes.Buffer
	_, err := kafkatest.Start(t.Context(), kafkatest.Config{Progress: &told})
	require.ErrorIs(t, err, kafkatest.ErrProcessDied)
	require.Regexp(t,
		`brokers will start slowly: kafkatest: broker-0: process died: exit status 3; its log is .*broker-0.log, `+
			`which ends:\n +it has no room\n`, told.String())
	require.Contains(t, told.String(), "starting 3 brokers of Kafka "+kafkatest.DefaultVersion)
	left, err := filepath.Glob(filepath.Join(s.cache, "*-classes*"))
	require.NoError(t, err)
	require.Len(t, left, 1, "but for a lock: %v", left)
}

func TestStartEndsEverythingWhenItsTimeIsUp(t *testing.T) {
	s := newStub(t, sleeper)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	ended := make(chan error, 1)
	go func() {
		_, err := kafkatest.Start(ctx, kafkatest.Config{})
		ended <- err
	}()
	pids := s.awaitStarted(t, 3)
	cancel(enough)
	err := <-ended
	require.ErrorIs(t, err, kafkatest.ErrNotReady)
	require.ErrorIs(t, err, enough)
	require.Empty(t, s.runDirs(t), "who cancels reads no logs")
	for _, pid := range pids {
		require.False(t, alive(pid))
	}
}

func TestStartSaysWhichPortIsTaken(t *testing.T) {
	newStub(t, sleeper)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port

	_, err = kafkatest.Start(t.Context(), kafkatest.Config{Brokers: 1, Ports: []int{taken}})
	require.ErrorIs(t, err, kafkatest.ErrPortTaken)
	var port *kafkatest.PortError
	require.ErrorAs(t, err, &port)
	require.Equal(t, taken, port.Port)
	require.ErrorContains(t, err, "broker-0")
}

func TestStartRefusesAFolderInUse(t *testing.T) {
	s := newStub(t, sleeper)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := kafkatest.Start(ctx, kafkatest.Config{Dir: dir})
		first <- err
	}()
	s.awaitStarted(t, 3)
	_, err := kafkatest.Start(t.Context(), kafkatest.Config{Dir: dir})
	require.ErrorIs(t, err, kafkatest.ErrDirInUse)
	cancel()
	require.ErrorIs(t, <-first, kafkatest.ErrNotReady)

	_, err = kafkatest.Start(t.Context(), kafkatest.Config{Dir: dir, Brokers: 1})
	require.ErrorContains(t, err, "holds the data of 3 brokers, not of 1")
	require.FileExists(t, filepath.Join(dir, "broker-0.log"), "the caller's folder is left alone")
}

func TestStartsAtOnceTakeDifferentPorts(t *testing.T) {
	s := newStub(t, sleeper)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	const starts = 4
	ended := make(chan error, starts)
	for range starts {
		go func() {
			_, err := kafkatest.Start(ctx, kafkatest.Config{Brokers: 9})
			ended <- err
		}()
	}
	s.awaitStarted(t, 9*starts)
	seen := make(map[string]bool)
	for _, dir := range s.runDirs(t) {
		ports, err := os.ReadFile(filepath.Join(dir, "ports.json"))
		require.NoError(t, err)
		for port := range strings.SplitSeq(strings.Trim(string(ports), "[]"), ",") {
			require.False(t, seen[port], port)
			seen[port] = true
		}
	}
	require.Len(t, seen, starts*20)
	cancel()
	for range starts {
		require.ErrorIs(t, <-ended, kafkatest.ErrNotReady)
	}
	requireGone(t, s.started())
}

// Nobody else takes the ports that the caller reserves. They are among the ports of the running
// cluster, which other clusters avoid.
func TestReservedPortsAreTaken(t *testing.T) {
	s := newStub(t, sleeper)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := kafkatest.Start(ctx, kafkatest.Config{Brokers: 1, Reserved: []int{29_999, 15_000}})
		ended <- err
	}()
	s.awaitStarted(t, 1)
	ports, err := os.ReadFile(filepath.Join(s.runDirs(t)[0], "ports.json"))
	require.NoError(t, err)
	require.Contains(t, string(ports), "29999,15000")
	cancel()
	require.ErrorIs(t, <-ended, kafkatest.ErrNotReady)
	_, err = kafkatest.Start(t.Context(), kafkatest.Config{Brokers: 1, Ports: []int{20_000}, Reserved: []int{20_000}})
	require.ErrorContains(t, err, "port 20000 is given twice")
}

func TestNothingOutlivesThisProcess(t *testing.T) {
	for _, c := range []struct {
		name, part string
		end        func(*os.Process) error
		prints     string
	}{
		{"exits without stopping", "exit", nil, ""},
		{"panics", "panic", nil, "as the test wants it"},
		{"killed", "wait", (*os.Process).Kill, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			needParentDeathSignal(t)
			s := newStub(t, sleeper)
			copied, output := startCopy(t, c.part)
			pids := s.awaitStarted(t, 3)
			if c.end != nil {
				require.NoError(t, c.end(copied.Process))
			}
			err := copied.Wait()
			require.Equal(t, c.part != "exit", err != nil, "%v: %s", err, output)
			require.Contains(t, output.String(), c.prints)
			requireGone(t, pids)

			require.Len(t, s.runDirs(t), 1)
			left := s.runDirs(t)[0]
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err = kafkatest.Start(ctx, kafkatest.Config{Brokers: 1})
			require.Error(t, err)
			require.NoDirExists(t, left, "the next start clears it away")
		})
	}
}
