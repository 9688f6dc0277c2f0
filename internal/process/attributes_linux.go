package process

import "syscall"

// childAttributes puts the child into a new process group, so that Ctrl-C in a terminal reaches
// this process only. The kernel kills the child when this process dies, in whatever way.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
