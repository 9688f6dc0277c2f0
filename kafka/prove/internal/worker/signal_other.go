//go:build !unix

package worker

import "os"

// This system cannot pause a process; the proof does without.
func pauseProcess(*os.Process)  {}
func resumeProcess(*os.Process) {}
