package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// Part is a thing that can be stopped and started.
type Part interface {
	// Name is one word, such as "broker-1".
	Name() string
	// Status says in a few words whether and how the part runs.
	Status() string
	// Start starts the part and waits until it is ready. It fails if the part does not become
	// ready, or runs already.
	Start(ctx context.Context) error
	// Stop ends the part and waits until it is gone. It does nothing if the part does not run.
	Stop() error
}

// Console takes commands for parts. Add, Hint and Died may be called concurrently with all methods.
type Console struct {
	out    *progress.Teller
	pipe   *os.File // nil on a system without named pipes
	lines  chan string
	ended  chan struct{}  // closed by Close
	reads  sync.WaitGroup // of the pipe
	starts sync.WaitGroup // of parts, under way

	mu    sync.Mutex
	parts []Part
}

// maxLine bounds a command in bytes. A longer line is refused.
const maxLine = 4 << 10

// New returns a console that answers on out. dir is an existing folder for its named pipe. Close
// it.
func New(dir string, out *progress.Teller) (*Console, error) {
	pipe, err := openPipe(filepath.Join(dir, "commands"))
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &Console{out: out, pipe: pipe, lines: make(chan string), ended: make(chan struct{})}
	if pipe != nil {
		c.reads.Go(func() { c.read(pipe) })
	}
	return c, nil
}

// Add lets commands name a part.
func (c *Console) Add(p Part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts = append(c.parts, p)
}

// all returns the parts in the order in which they were added.
func (c *Console) all() []Part {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.parts)
}

// Read takes commands from in too. A read from a terminal cannot be interrupted: a goroutine lives
// until in ends or the program does.
func (c *Console) Read(in io.Reader) { go c.read(in) }

func (c *Console) read(in io.Reader) {
	lines := bufio.NewReaderSize(in, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			c.out.Say("a line of more than %d bytes is no command", maxLine)
			line = nil
		}
		if len(line) > 0 { // the last one may lack its end
			select {
			case c.lines <- string(line):
			case <-c.ended:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Run executes commands until ctx is done, one after the other. But it waits for no part to start:
// that part may need another one, which a later command starts.
func (c *Console) Run(ctx context.Context) {
	defer c.starts.Wait()
	for {
		select {
		case line := <-c.lines:
			c.execute(ctx, line)
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the reading of the pipe and removes it. Call it once, after Run has returned.
func (c *Console) Close() error {
	close(c.ended)
	if c.pipe == nil {
		return nil
	}
	err := c.pipe.Close()
	c.reads.Wait()
	return errors.Join(err, os.Remove(c.pipe.Name()))
}

// Hint says how to give a command.
func (c *Console) Hint(command string) string {
	if c.pipe == nil {
		return "type: " + command
	}
	return fmt.Sprintf("type here: %s\n  or, in another shell: echo %s > %s", command, command, c.pipe.Name())
}

// Died tells that a part has ended by itself, and how to start it again.
func (c *Console) Died(part string, err error) {
	c.out.Say("%v\nthe other parts go on; to start %s again, %s", err, part, c.Hint("start "+part))
}

func (c *Console) execute(ctx context.Context, line string) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	verb, name := words[0], strings.Join(words[1:], "-") // "broker 1" is broker-1
	parts := c.all()
	i := slices.IndexFunc(parts, func(p Part) bool { return p.Name() == name })
	switch {
	case verb == "status" && name == "":
		c.status()
	case verb == "help", verb != "start" && verb != "stop" && verb != "status":
		c.help(verb)
	case i < 0:
		c.out.Say("there is no part %q, there are: %s", name, strings.Join(c.names(), ", "))
	case verb == "status":
		c.out.Say("%s %s", name, parts[i].Status())
	case verb == "start":
		c.starts.Go(func() { c.start(ctx, parts[i]) })
	default:
		c.stop(parts[i])
	}
}

func (c *Console) start(ctx context.Context, p Part) {
	c.out.Say("starting %s", p.Name())
	err := p.Start(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return // everything is being stopped
	case err != nil:
		c.out.Say("%s is not started: %v", p.Name(), err)
	default:
		c.out.Say("%s is started: it %s", p.Name(), p.Status())
	}
}

func (c *Console) stop(p Part) {
	if err := p.Stop(); err != nil {
		c.out.Say("%s is not stopped: %v", p.Name(), err)
		return
	}
	c.out.Say("%s is stopped; to start it again, %s", p.Name(), c.Hint("start "+p.Name()))
}

func (c *Console) status() {
	width := 0
	for _, name := range c.names() {
		width = max(width, len(name))
	}
	var text strings.Builder
	for _, p := range c.all() {
		fmt.Fprintf(&text, "%-*s  %s\n", width, p.Name(), p.Status())
	}
	c.out.Say("%s", strings.TrimSuffix(text.String(), "\n"))
}

func (c *Console) help(verb string) {
	if verb != "help" {
		c.out.Say("%q is no command", verb)
	}
	c.out.Say("status [PART], start PART, stop PART; the parts are %s", strings.Join(c.names(), ", "))
}

func (c *Console) names() []string {
	var names []string
	for _, p := range c.all() {
		names = append(names, p.Name())
	}
	return names
}
