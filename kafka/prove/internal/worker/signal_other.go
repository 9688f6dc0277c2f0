//go:build !unix

package worker

import "os"

// This system cannot pause a process, and the proof works without that.
func pauseProcess(*os.Process)  {}
func resumeProcess(*os.Process) {}
