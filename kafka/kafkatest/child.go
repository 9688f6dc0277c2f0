package kafkatest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/process"
)

// child is a part of a cluster that can be ended and started again: a broker, or the registry.
type child struct {
	name string
	plan func() (process.Spec, error) // what to run; it fails if a port is taken

	mu      sync.Mutex
	proc    *process.Child // the last one that was started; nil before the first start
	watched bool           // proc's end is told
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
	proc, err := process.Start(what)
	if err != nil {
		return fmt.Errorf("kafkatest: %w", err)
	}
	c.proc, c.watched = proc, false
	return nil
}

// tell makes w tell the end of the process from now on. Before, the caller that waits until the
// process is ready tells it.
func (c *child) tell(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc != nil && !c.watched {
		c.watched = true
		w.over(c.proc)
	}
}

// runs reports whether there is a process, paused or not. c.mu is held.
func (c *child) runs() bool { return c.proc != nil && c.proc.Runs() }

// process returns the process that was started last; nil before the first start.
func (c *child) process() *process.Child {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proc
}

// kill ends the process and waits until it is gone.
func (c *child) kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return nil
	}
	if err := c.proc.Kill(); err != nil {
		return fmt.Errorf("kafkatest: %w", err)
	}
	return nil
}

// status says in a few words whether and how the process runs.
func (c *child) status() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proc == nil {
		return "never started"
	}
	return c.proc.Status()
}

// pause stops the process where it stands.
func (c *child) pause() error { return c.signal("pause", pauseProcess) }

// resume lets the process go on.
func (c *child) resume() error { return c.signal("resume", resumeProcess) }

func (c *child) signal(what string, send func(*process.Child) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.runs() {
		return fmt.Errorf("kafkatest: %s: %s: %w", c.name, what, ErrNotRunning)
	}
	if err := send(c.proc); err != nil {
		return fmt.Errorf("kafkatest: %s: %s: %w", c.name, what, err)
	}
	return nil
}

// await waits until probe finds nothing wrong with the process. It calls because with each finding.
func (c *child) await(ctx context.Context, probe func(context.Context) error, because func(error)) error {
	proc := c.process()
	if proc == nil {
		return fmt.Errorf("kafkatest: %s: %w: it was never started", c.name, ErrNotReady)
	}
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		// Probe before looking whether the process died: the answer may be another program's.
		err := probe(ctx)
		if !proc.Runs() {
			return ended(proc)
		}
		if err == nil {
			return nil
		}
		because(err)
		select {
		case <-ticker.C:
		case <-proc.Done():
			return ended(proc)
		case <-ctx.Done():
			return unready(proc, fmt.Errorf("%w: %w", context.Cause(ctx), err))
		}
	}
}

// ended describes the end of a process that was expected to become ready: somebody has stopped it,
// or it has died.
func ended(p *process.Child) error {
	if p.Asked() {
		return fmt.Errorf("kafkatest: %s: %w: it was stopped", p.Name(), ErrNotReady)
	}
	return died(p)
}

// died describes an end that nobody asked for.
func died(p *process.Child) error {
	return failed(p, fmt.Errorf("%w: %s", ErrProcessDied, p.State()))
}

// unready describes a process that runs but never became ready.
func unready(p *process.Child, cause error) error {
	return failed(p, fmt.Errorf("%w: %w", ErrNotReady, cause))
}

func failed(p *process.Child, err error) error {
	return &ProcessError{Process: p.Name(), LogPath: p.Log(), LogTail: process.Tail(p.Log()), Err: err}
}
