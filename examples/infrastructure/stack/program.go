package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/process"
	"github.com/fencelog/fencelog/kafka/kafkatest/console"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// stopGrace is how long a process may take to stop in order.
const stopGrace = 10 * time.Second

// program is a part of the stack beside the cluster. Each start runs it in the same way, and
// appends to the same log. Its methods may be called concurrently.
type program struct {
	name    string
	path    string
	args    []string
	env     []string
	log     string // path; every start appends
	page    string // answers with 200 once the program is healthy
	tell    *progress.Teller
	console *console.Console // told when it ends by itself

	watchers sync.WaitGroup

	mu     sync.Mutex
	proc   *process.Child // the last one; nil before the first start
	closed bool
}

var _ console.Part = (*program)(nil)

var (
	// errEnded says that a process is gone though nobody has asked it to stop.
	errEnded = errors.New("ended by itself")
	// errStopped says that somebody has stopped a process before it was healthy.
	errStopped = errors.New("was stopped before it was healthy")
	errRunning = errors.New("runs already")
	errClosed  = errors.New("everything is being stopped")
)

// Name implements [console.Part].
func (p *program) Name() string { return p.name }

// Start implements [console.Part]. If it fails because the program is not healthy in time, the
// program goes on.
func (p *program) Start(ctx context.Context) error { return p.start(ctx, nil) }

// start is Start, and then calls further unless that is nil. If the program ends before both are
// over, the error says so, and the console does not.
func (p *program) start(ctx context.Context, further func(context.Context, *process.Child) error) error {
	proc, err := p.launch()
	if err != nil {
		return err
	}
	err = await(ctx, proc, p.page, anything, p.tell)
	if err == nil {
		p.tell.Say("%s is ready at %s", p.name, p.page)
		if further != nil {
			err = further(ctx, proc)
		}
	}
	if !errors.Is(err, errEnded) {
		p.watch(proc)
	}
	return err
}

func (p *program) launch() (*process.Child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%s: %w", p.name, errClosed)
	}
	if p.proc != nil && p.proc.Runs() {
		return nil, fmt.Errorf("%s: %w", p.name, errRunning)
	}
	proc, err := process.Start(process.Spec{Name: p.name, Path: p.path, Args: p.args, Env: p.env, Log: p.log})
	if err != nil {
		return nil, err
	}
	p.proc = proc
	return proc, nil
}

// process returns the process that was started last.
func (p *program) process() *process.Child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proc
}

// watch tells the console when a process ends, unless somebody has asked for that.
func (p *program) watch(proc *process.Child) {
	p.watchers.Go(func() {
		<-proc.Done()
		if !proc.Asked() {
			p.console.Died(p.name, ended(proc))
		}
	})
}

// ended describes the end of a process.
func ended(proc *process.Child) error {
	if proc.Asked() {
		return fmt.Errorf("%s %w", proc.Name(), errStopped)
	}
	return fmt.Errorf("%s %w (%s); %s", proc.Name(), errEnded, proc.State(), logged(proc))
}

// logged says where the log of a process is and what it ends with.
func logged(proc *process.Child) string { return process.Logged(proc.Log(), process.Tail(proc.Log())) }

// Stop implements [console.Part].
func (p *program) Stop() error {
	if proc := p.process(); proc != nil {
		return proc.Stop(stopGrace)
	}
	return nil
}

// close stops the program for good.
func (p *program) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.Stop()
	if err == nil { // otherwise the program may live, and its watcher, too
		p.watchers.Wait()
	}
	return err
}

// Status implements [console.Part].
func (p *program) Status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return "never started"
	}
	return p.proc.Status()
}
