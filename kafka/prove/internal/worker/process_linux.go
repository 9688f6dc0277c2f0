package worker

import "syscall"

// childAttributes keeps Ctrl-C from reaching the child, and ends the child when this process dies
// in any way.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
