//go:build unix && !linux

package main

import "syscall"

// childAttributes gives the child a process group of its own. These systems have no signal at the
// parent's death: children outlive a parent that is killed with SIGKILL.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
