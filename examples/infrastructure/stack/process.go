package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a process may take to stop in order.
	stopGrace = 10 * time.Second
	// shownLog bounds what is shown of the log of a process that failed.
	shownLog = 4 << 10
)

// process is a child that runs until it is stopped, and cannot outlive this process where the
// system helps (Linux).
type process struct {
	name string
	log  string // path
	cmd  *exec.Cmd
	done chan struct{} // closed once the child is gone

	asked atomic.Bool // to stop, so that its end is no surprise
}

// errEnded says that a process is gone though nobody has asked it to stop.
var errEnded = errors.New("ended by itself")

// startProcess starts a program whose output goes to the end of a log file.
func startProcess(name, log string, env []string, path string, args ...string) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = output.Close() }() // the child has its own copy
	cmd := exec.Command(path, args...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	p := &process{name: name, log: log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Never unlocked: the signal at the parent's death comes when the thread that forked ends,
		// so it must live as long as the child.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in cmd.ProcessState
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: start: %w", name, err)
	}
	return p, nil
}

// stop asks the child to stop, makes it if it does not, and waits until it is gone.
func (p *process) stop() error {
	p.asked.Store(true)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: stop: %w", p.name, err)
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-p.done:
		return nil
	case <-grace.C:
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: kill: %w", p.name, err)
	}
	<-p.done
	return nil
}

// runs reports whether the child is there.
func (p *process) runs() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// died describes an end that nobody asked for.
func (p *process) died() error {
	return fmt.Errorf("%s %w (%s); %s", p.name, errEnded, p.cmd.ProcessState, p.logged())
}

// logged says where the log is and what it ends with.
func (p *process) logged() string {
	return "its log is " + p.log + ", which ends:\n" + tail(p.log)
}

// tail returns the end of a file, or why there is none.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err.Error()
	}
	start := max(info.Size()-shownLog, 0)
	text, err := io.ReadAll(io.NewSectionReader(file, start, shownLog))
	if err != nil {
		return err.Error()
	}
	if len(text) == 0 {
		return "    (it is empty)"
	}
	return "    " + strings.ReplaceAll(strings.TrimRight(string(text), "\n"), "\n", "\n    ")
}
