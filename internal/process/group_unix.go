//go:build unix

package process

import (
	"errors"
	"os"
	"syscall"
)

// killGroup kills the child and the processes that it has started, except those that have left its
// group.
func killGroup(leader *os.Process) error {
	err := syscall.Kill(-leader.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
