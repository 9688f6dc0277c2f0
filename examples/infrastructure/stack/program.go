package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fencelog/fencelog/kafka/kafkatest/console"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
)

// program is a part that runs here beside the cluster. It is started again the same way, with the
// same log. Its methods may be called concurrently.
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
	proc   *process // the last one; nil before the first start
	closed bool
}

var _ console.Part = (*program)(nil)

var (
	errRunning = errors.New("runs already")
	errClosed  = errors.New("everything is being stopped")
)

// Name implements [console.Part].
func (p *program) Name() string { return p.name }

// Start implements [console.Part]. If it fails because the program is not healthy in time, the
// program runs.
func (p *program) Start(ctx context.Context) error {
	proc, err := p.launch()
	if err != nil {
		return err
	}
	if err := await(ctx, proc, p.page, anything, p.tell); err != nil {
		if !errors.Is(err, errEnded) { // else err tells its end
			p.watch(proc)
		}
		return err
	}
	p.watch(proc)
	p.tell.Say("%s is ready at %s", p.name, p.page)
	return nil
}

func (p *program) launch() (*process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%s: %w", p.name, errClosed)
	}
	if p.proc != nil && p.proc.runs() {
		return nil, fmt.Errorf("%s: %w", p.name, errRunning)
	}
	proc, err := startProcess(p.name, p.log, p.env, p.path, p.args...)
	if err != nil {
		return nil, err
	}
	p.proc = proc
	return proc, nil
}

// process returns the process that was started last.
func (p *program) process() *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proc
}

// watch tells the end of a process unless stop has asked for it.
func (p *program) watch(proc *process) {
	p.watchers.Go(func() {
		<-proc.done
		if !proc.asked.Load() {
			p.console.Died(p.name, proc.died())
		}
	})
}

// Stop implements [console.Part].
func (p *program) Stop() error {
	if proc := p.process(); proc != nil {
		return proc.stop()
	}
	return nil
}

// close stops the program for good.
func (p *program) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.Stop()
	if err == nil { // else it may live, and with it its watcher
		p.watchers.Wait()
	}
	return err
}

// Status implements [console.Part].
func (p *program) Status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.proc == nil:
		return "never started"
	case p.proc.runs():
		return fmt.Sprintf("runs as process %d", p.proc.cmd.Process.Pid)
	case p.proc.asked.Load():
		return "stopped"
	}
	return fmt.Sprintf("ended by itself (%s), its log is %s", p.proc.cmd.ProcessState, p.log)
}
