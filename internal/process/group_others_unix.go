//go:build unix && !linux

package process

import "syscall"

// groupRuns reports whether a process of the group is there.
func groupRuns(leader int) bool { return syscall.Kill(-leader, 0) == nil }
