package worker

import "syscall"

// childAttributes keeps Ctrl-C from reaching the child, and ends it when this process dies in
// whatever way.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
