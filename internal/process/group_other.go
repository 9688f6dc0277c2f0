//go:build !unix

package process

import "os"

// killGroup kills the child alone: this system has no process groups.
func killGroup(leader *os.Process) error { return leader.Kill() }

func groupRuns(int) bool { return false }
