//go:build unix && !linux

package process

import "syscall"

// childAttributes puts the child into a new process group. These systems have no parent-death
// signal: children outlive a parent that is killed with SIGKILL.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
