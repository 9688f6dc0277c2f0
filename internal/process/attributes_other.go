//go:build !unix

package process

import "syscall"

// childAttributes returns nil: this system has no process groups and no parent-death signal.
func childAttributes() *syscall.SysProcAttr { return nil }
