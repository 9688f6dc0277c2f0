//go:build unix

package kafkatest

import (
	"errors"
	"os"
	"syscall"
)

// killTree ends a child and its group. The child leads the group, so as
// long as it is not reaped the group's id is not another's; the call on the
// process itself comes first and says whether that is so.
func killTree(p *os.Process) error {
	if err := p.Signal(syscall.Signal(0)); err != nil {
		return err
	}
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func pauseProcess(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resumeProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// tryLock takes the exclusive lock of an open file, which the kernel gives back when
// the file is closed or this process dies. It reports false if another holds it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
