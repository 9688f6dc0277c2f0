//go:build unix

package measure

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that this process has used. It includes the contenders and the
// callers, and not the servers.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
