//go:build unix && !linux

package process

import "syscall"

// childAttributes gives the child a process group of its own. These systems have
// no parent-death signal: children outlive a parent that is killed with SIGKILL.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
