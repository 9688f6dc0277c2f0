package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
)

// Process is a worker as its starter sees it.
type Process struct {
	cmd  *exec.Cmd
	log  string
	said int64         // the size of the log before this process
	done chan struct{} // closed when it is gone and all its answers are read
	last atomic.Int64

	writing sync.Mutex
	in      io.WriteCloser
	out     *json.Encoder

	mu      sync.Mutex
	waiting map[int64]chan<- Answer // nil once the process is gone
	killed  bool
	err     error // how it ended
}

// Start starts a worker. command is a program, with its arguments, that calls [Serve] on its
// standard input and output. Start adds env to this process's environment for it. The worker's
// standard error is appended to the file log.
func Start(command, env []string, log string) (*Process, error) {
	stderr, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	defer func() { _ = stderr.Close() }() // the process has its own copy
	said, err := stderr.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = stderr
	cmd.SysProcAttr = childAttributes()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	p := &Process{
		cmd: cmd, log: log, said: said, done: make(chan struct{}), in: in, out: json.NewEncoder(in),
		waiting: make(map[int64]chan<- Answer),
	}
	started := make(chan error, 1)
	go p.run(answers, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	return p, nil
}

// run starts the process and lives as long as the process does. It keeps its thread to itself,
// because Linux ends the child when the thread that started it ends.
func (p *Process) run(answers io.Reader, started chan<- error) {
	runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	lines := json.NewDecoder(answers)
	for {
		var a Answer
		if err = lines.Decode(&a); err != nil {
			break
		}
		p.deliver(a)
	}
	p.err = p.cmd.Wait()
	p.mu.Lock()
	for _, c := range p.waiting {
		close(c)
	}
	p.waiting = nil
	p.mu.Unlock()
	close(p.done)
}

func (p *Process) deliver(a Answer) {
	p.mu.Lock()
	c := p.waiting[a.ID]
	delete(p.waiting, a.ID)
	p.mu.Unlock()
	if c != nil {
		c <- a
	}
}

// Ask sends the request. The channel gets the answer, or is closed if the process is gone before it
// answers.
func (p *Process) Ask(r Request) <-chan Answer {
	r.ID = p.last.Add(1)
	answer := make(chan Answer, 1)
	p.mu.Lock()
	if p.waiting == nil {
		p.mu.Unlock()
		close(answer)
		return answer
	}
	p.waiting[r.ID] = answer
	p.mu.Unlock()
	p.writing.Lock()
	defer p.writing.Unlock()
	_ = p.out.Encode(r) // if this fails, the process will soon be gone
	return answer
}

// Kill ends the process with SIGKILL, paused or not, and waits until it is gone.
func (p *Process) Kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.done }

// Died returns how the process ended, with its last words. It returns an empty text if the process
// has not ended, or was killed.
func (p *Process) Died() string {
	select {
	case <-p.done:
	default:
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return ""
	}
	return fmt.Sprintf("ended by itself: %v; its last words: %s", p.err, lastWords(p.log, p.said))
}

// Pause stops the process with SIGSTOP.
func (p *Process) Pause() { pauseProcess(p.cmd.Process) }

// Resume lets the process go on.
func (p *Process) Resume() { resumeProcess(p.cmd.Process) }
