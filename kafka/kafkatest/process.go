package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
)

// process is a child that cannot outlive this process.
type process struct {
	name    string
	logPath string
	cmd     *exec.Cmd
	done    chan struct{} // closed once the child is reaped
	killed  atomic.Bool   // by kill, so that its end is no surprise
}

// spec is what to run.
type spec struct {
	name    string // for messages
	path    string // of the program
	args    []string
	env     []string // added to this process's own
	dir     string
	logPath string // appended to
}

// startProcess starts the child and a goroutine that reaps it.
func startProcess(s spec) (*process, error) {
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("kafkatest: %s: log: %w", s.name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own copy

	cmd := exec.Command(s.path, s.args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = log, log
	p := &process{name: s.name, logPath: s.logPath, cmd: cmd, done: make(chan struct{})}
	err = launch(cmd, func(error) { close(p.done) })
	if err != nil {
		return nil, fmt.Errorf("kafkatest: %s: start: %w", s.name, err)
	}
	return p, nil
}

// launch starts cmd on an operating-system thread of its own; ended is called with
// the result of its Wait. The thread lives exactly as long as the child: Linux
// sends the parent-death signal when the thread that forked ends, not the
// process, and the Go runtime ends threads as it likes unless they are locked.
func launch(cmd *exec.Cmd, ended func(error)) error {
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

// kill ends the child with SIGKILL, which also works on a paused one, and waits until it is gone.
func (p *process) kill() error {
	p.killed.Store(true)
	err := p.cmd.Process.Kill()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kafkatest: %s: kill: %w", p.name, err)
	}
	<-p.done
	return nil
}

// died describes an end that nobody asked for.
func (p *process) died() error {
	return &ProcessError{
		Process: p.name, LogPath: p.logPath, LogTail: tail(p.logPath),
		Err: fmt.Errorf("%w: %s", ErrProcessDied, p.cmd.ProcessState),
	}
}

// unready describes a process that runs but never became ready.
func (p *process) unready(cause error) error {
	return &ProcessError{
		Process: p.name, LogPath: p.logPath, LogTail: tail(p.logPath),
		Err: fmt.Errorf("%w: %w", ErrNotReady, cause),
	}
}
