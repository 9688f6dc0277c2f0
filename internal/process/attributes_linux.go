package process

import "syscall"

// childAttributes gives the child a process group of its own, so that Ctrl-C in a
// terminal reaches this process only, and lets the kernel kill the child
// when this process dies in whatever way.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
