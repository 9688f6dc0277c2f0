//go:build unix

package kafkatest

import (
	"errors"
	"os"
	"syscall"

	"github.com/fencelog/fencelog/internal/process"
)

func pauseProcess(p *process.Child) error  { return p.Signal(syscall.SIGSTOP) }
func resumeProcess(p *process.Child) error { return p.Signal(syscall.SIGCONT) }

// tryLock takes the exclusive lock of an open file, which the kernel gives back when the file is
// closed or this process dies. It reports false if another holds it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
