package kafkatest

import (
	"fmt"
	"os"
	"sync"
)

// child is a part of a cluster that can be ended and started again: a broker, or the registry.
type child struct {
	name string
	plan func() (spec, error) // what to run; it fails if a port is taken

	mu      sync.Mutex
	proc    *process // the last one that was started; nil before the first start
	watched bool     // proc's end is told
}

// start starts the process; it does not wait until it is ready.
func (c *child) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs() {
		return fmt.Errorf("kafkatest: %s: %w", c.name, ErrRunning)
	}
	what, err := c.plan()
	if err != nil {
		return err
	}
	proc, err := startProcess(what)
	if err != nil {
		return err
	}
	c.proc, c.watched = proc, false
	return nil
}

// tell makes w tell the end of the process from now on. Before, whoever waits until it is ready
// tells it.
func (c *child) tell(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != nil && !c.watched {
		c.watched = true
		w.over(c.proc)
	}
}

// runs reports whether there is a process, paused or not. c.mu is held.
func (c *child) runs() bool {
	if c.proc == nil {
		return false
	}
	select {
	case <-c.proc.done:
		return false
	default:
		return true
	}
}

// process returns the process that was started last, or nil if there is none or it was killed.
func (c *child) process() *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil || c.proc.killed.Load() {
		return nil
	}
	return c.proc
}

// kill ends the process and waits until it is gone.
func (c *child) kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return nil
	}
	return c.proc.kill()
}

// status says in a few words how the process is.
func (c *child) status() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.proc == nil:
		return "never started"
	case c.runs():
		return fmt.Sprintf("runs as process %d", c.proc.cmd.Process.Pid)
	case c.proc.killed.Load():
		return "stopped"
	}
	return fmt.Sprintf("ended by itself (%s), its log is %s", c.proc.cmd.ProcessState, c.proc.logPath)
}

// pause stops the process where it stands.
func (c *child) pause() error { return c.signal("pause", pauseProcess) }

// resume lets the process go on.
func (c *child) resume() error { return c.signal("resume", resumeProcess) }

func (c *child) signal(what string, send func(*os.Process) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.runs() {
		return fmt.Errorf("kafkatest: %s: %s: %w", c.name, what, ErrNotRunning)
	}
	if err := send(c.proc.cmd.Process); err != nil {
		return fmt.Errorf("kafkatest: %s: %s: %w", c.name, what, err)
	}
	return nil
}
