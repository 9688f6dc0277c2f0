//go:build unix

package console_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/kafkatest/console"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// part is started and stopped, and remembers it.
type part struct {
	name string
	hold chan struct{} // Start waits until it is closed; nil: it does not wait

	mu     sync.Mutex
	status string
	fails  error
}

func (p *part) Name() string { return p.name }

func (p *part) Status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *part) Start(ctx context.Context) error {
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails == nil {
		p.status = "runs"
	}
	return p.fails
}

func (p *part) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = "stopped"
	return nil
}

// run starts a console for parts; the test ends it. It returns the terminal to type at.
func run(t *testing.T, dir string, parts ...*part) (*console.Console, io.Writer, *kafkatest.Output) {
	t.Helper()
	out := new(kafkatest.Output)
	c, err := console.New(dir, progress.To(out))
	require.NoError(t, err)
	for _, p := range parts {
		c.Add(p)
	}
	stdin, typed := io.Pipe()
	c.Read(stdin)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		c.Run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		require.NoError(t, c.Close())
		require.NoError(t, typed.Close())
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	})
	return c, typed, out
}

func types(t *testing.T, terminal io.Writer, line string) {
	t.Helper()
	_, err := io.WriteString(terminal, line+"\n")
	require.NoError(t, err)
}

func TestCommands(t *testing.T) {
	t.Parallel()
	broker, registry := &part{name: "broker-1", status: "stopped"}, &part{
		name: "registry", status: "runs", fails: errors.New("the port is taken"),
	}
	c, terminal, out := run(t, t.TempDir(), broker, registry)
	const helps = "status [PART], start PART, stop PART; the parts are broker-1, registry\n"
	for _, row := range []struct{ typed, says string }{
		{"status", "broker-1  stopped\nregistry  runs\n"},
		{"start broker-1", "starting broker-1\nbroker-1 is started: it runs\n"},
		{"  stop   broker 1 ", "broker-1 is stopped; to start it again, " + c.Hint("start broker-1") + "\n"},
		{"", ""},
		{"status broker-1", "broker-1 stopped\n"},
		{"start registry", "starting registry\nregistry is not started: the port is taken\n"},
		{"start broker-7", "there is no part \"broker-7\", there are: broker-1, registry\n"},
		{"start", "there is no part \"\", there are: broker-1, registry\n"},
		{"restart broker-1", "\"restart\" is no command\n" + helps},
		{"help", helps},
	} {
		before := len(out.String())
		said := func() string { return out.String()[before:] }
		types(t, terminal, row.typed)
		says(t, said, row.says)
		const next = "the next command" // is not executed before this one, which said nothing more
		types(t, terminal, next)
		says(t, said, row.says+"\"the\" is no command\n"+helps)
	}
}

// says waits until the output is as long as the text, and expects the text.
func says(t *testing.T, said func() string, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(said()) >= len(text) }, kafkatest.DefaultPatience, time.Millisecond,
		text)
	require.Equal(t, text, said())
}

// A line that is too long is refused, however it comes, and the lines after it are served.
func TestALineThatIsTooLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, terminal, out := run(t, dir, &part{name: "broker-1", status: "runs"})
	pipe, err := os.OpenFile(filepath.Join(dir, "commands"), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer pipe.Close()
	for _, to := range []io.Writer{pipe, terminal} {
		for _, length := range []int{5_000, 50_000} {
			before := len(out.String())
			types(t, to, strings.Repeat("x", length)+"\nstatus broker-1")
			says(t, func() string { return out.String()[before:] },
				"a line of more than 4096 bytes is no command\nbroker-1 runs\n")
		}
	}
}

// Another shell can give commands, also after the terminal is gone.
func TestCommandsThroughThePipe(t *testing.T) {
	t.Parallel()
	dir, broker := t.TempDir(), &part{name: "broker-1", status: "stopped"}
	c, terminal, out := run(t, dir, broker)
	require.NoError(t, terminal.(io.Closer).Close())
	pipe := filepath.Join(dir, "commands")
	require.Equal(t, "type here: start broker-1\n  or, in another shell: echo start broker-1 > "+pipe,
		c.Hint("start broker-1"))
	require.NoError(t, os.WriteFile(pipe, []byte("start broker-1\n"), 0))
	out.Await(t, "broker-1 is started")
	require.NoError(t, os.WriteFile(pipe, []byte("stop broker-1\nstatus\n"), 0))
	out.Await(t, "broker-1  stopped")
}

// While a part waits for another one, a command can start that. The end of the console interrupts
// all waits.
func TestAStartHoldsUpNothing(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	service, broker := &part{name: "billing", hold: released}, &part{name: "broker-1"}
	never := &part{name: "never", hold: make(chan struct{})}
	_, terminal, out := run(t, t.TempDir(), service, broker, never)
	types(t, terminal, "start never\nstart billing\nstart broker-1")
	out.Await(t, "broker-1 is started")
	require.False(t, strings.Contains(out.String(), "billing is started"))
	close(released)
	out.Await(t, "billing is started")
}

func TestDeathsAreTold(t *testing.T) {
	t.Parallel()
	c, _, out := run(t, t.TempDir(), &part{name: "broker-1"})
	c.Died("broker-1", errors.New("broker-1 has ended"))
	require.Contains(t, out.String(), "broker-1 has ended\nthe other parts go on; to start broker-1 again, "+
		"type here: start broker-1\n  or, in another shell: echo start broker-1 > ")
}

func TestTheFolderMustBeThere(t *testing.T) {
	t.Parallel()
	_, err := console.New(filepath.Join(t.TempDir(), "missing"), progress.To(nil))
	require.ErrorIs(t, err, os.ErrNotExist)
}
