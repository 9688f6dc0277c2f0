//go:build unix && !linux

package worker

import "syscall"

// childAttributes keeps Ctrl-C from reaching the child.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
