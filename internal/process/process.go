package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Spec is what to run.
type Spec struct {
	Name string // for messages
	Path string // of the program
	Args []string
	Env  []string // all of it; nil: this process's own
	Dir  string   // the working folder; empty: this process's own
	Log  string   // path of a file; output goes to its end
}

// Child is a process that was started.
type Child struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{} // closed once the child is reaped

	mu    sync.Mutex
	ended bool // it is reaped
	asked bool // a signal to end reached it before
}

// Start starts a child. A goroutine reaps it.
func Start(s Spec) (*Child, error) {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: log: %w", s.Name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own copy

	cmd := exec.Command(s.Path, s.Args...)
	cmd.Dir, cmd.Env = s.Dir, s.Env
	cmd.Stdout, cmd.Stderr = log, log
	c := &Child{spec: s, cmd: cmd, done: make(chan struct{})}
	// cmd.ProcessState says how it ended.
	if err := Launch(cmd, func(error) { c.reaped() }); err != nil {
		return nil, fmt.Errorf("%s: start: %w", s.Name, err)
	}
	return c, nil
}

// Launch starts cmd on a separate operating-system thread. It calls ended with the result of
// cmd.Wait.
//
// The thread lives exactly as long as the child. Linux sends the parent-death signal when the
// thread that forked ends, not when the process ends. The Go runtime ends threads as it likes
// unless they are locked.
func Launch(cmd *exec.Cmd, ended func(error)) error {
	cmd.SysProcAttr = childAttributes()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			ended(cmd.Wait())
		}
	}()
	return <-started
}

func (c *Child) reaped() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	close(c.done)
}

// Name is the name of the Spec.
func (c *Child) Name() string { return c.spec.Name }

// Log is the path of the log.
func (c *Child) Log() string { return c.spec.Log }

// Done is closed once the child is gone.
func (c *Child) Done() <-chan struct{} { return c.done }

// Runs reports whether the child is there, paused or not.
func (c *Child) Runs() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Asked reports whether [Child.Stop] or [Child.Kill] has reached the child while it was there. Once
// the child is gone the answer stays: false says that it has ended by itself.
func (c *Child) Asked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// State says how the child ended, such as "exit status 3". The child must be gone.
func (c *Child) State() string { return c.cmd.ProcessState.String() }

// Status says in a few words that the child runs, was stopped, or has ended by itself. In the last
// case it also says where the log is.
func (c *Child) Status() string {
	switch {
	case c.Runs():
		return fmt.Sprintf("runs as process %d", c.cmd.Process.Pid)
	case c.Asked():
		return "stopped"
	}
	return fmt.Sprintf("ended by itself (%s), its log is %s", c.State(), c.Log())
}

// Signal sends a signal that does not ask the child to end. It fails with [os.ErrProcessDone] if
// the child is gone.
func (c *Child) Signal(s os.Signal) error { return c.cmd.Process.Signal(s) }

// Stop asks the child to end, makes it end if it has not after grace, and waits until it is gone.
func (c *Child) Stop(grace time.Duration) error {
	if err := c.ask(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s: stop: %w", c.Name(), err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
	}
	return c.Kill()
}

// Kill ends the child with SIGKILL, which also works on a paused one, and waits until it is gone.
func (c *Child) Kill() error {
	if err := c.ask(os.Kill); err != nil {
		return fmt.Errorf("%s: kill: %w", c.Name(), err)
	}
	<-c.done
	return nil
}

// ask sends a signal to end. A child that has ended before does not count as asked: its end would
// look wanted, and somebody should hear of it.
func (c *Child) ask(s os.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	err := c.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	c.asked = c.asked || err == nil
	return err
}
