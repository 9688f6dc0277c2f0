//go:build !unix

package process

import "syscall"

// childAttributes returns nil: this system has no process groups and no signal at the parent's
// death.
func childAttributes() *syscall.SysProcAttr { return nil }
