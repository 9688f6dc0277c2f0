//go:build unix

package worker

import (
	"os"
	"syscall"
)

func pauseProcess(p *os.Process)  { _ = p.Signal(syscall.SIGSTOP) }
func resumeProcess(p *os.Process) { _ = p.Signal(syscall.SIGCONT) }
