package kafkatest

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrToolMissing: a program that starting needs is not installed. The error is a [*ToolError].
	ErrToolMissing = errors.New("program not found")
	// ErrDownload: the programs to run could not be fetched. The error is a [*ToolError] that carries
	// the output of the program that fetched.
	ErrDownload = errors.New("download failed")
	// ErrPortTaken: something else listens on a port. The error is a [*PortError].
	ErrPortTaken = errors.New("port taken")
	// ErrProcessDied: a broker or the registry ended by itself. The error is a [*ProcessError].
	ErrProcessDied = errors.New("process died")
	// ErrNotReady: the time was up before everything was ready. The error is a [*ProcessError]
	// where one process is to blame.
	ErrNotReady = errors.New("not ready in time")
	// ErrExternal: the cluster was not started by this process, so it cannot be
	// killed, paused or restarted from here.
	ErrExternal = errors.New("cluster was started elsewhere")
	// ErrStopped: the cluster has been stopped.
	ErrStopped = errors.New("cluster is stopped")
	// ErrNotRunning: the broker was killed or paused, or has not been.
	ErrNotRunning = errors.New("broker is in the wrong state")
)

// ToolError says which program was needed and what went wrong with it.
type ToolError struct {
	Tool   string // the program, such as "mvn"
	Need   string // what it is needed for, and what to do
	Output string // the end of what it printed; empty if it never ran
	Err    error  // wraps ErrToolMissing or ErrDownload
}

func (e *ToolError) Error() string {
	s := fmt.Sprintf("kafkatest: %s: %v: %s", e.Tool, e.Err, e.Need)
	if e.Output != "" {
		s += "\n" + indent(e.Output)
	}
	return s
}

// Unwrap returns the cause.
func (e *ToolError) Unwrap() error { return e.Err }

// PortError says which port of 127.0.0.1 is taken.
type PortError struct {
	Port int
	Use  string // what it was wanted for, such as "broker 1"
	Err  error  // the operating system's answer
}

func (e *PortError) Error() string {
	return fmt.Sprintf("kafkatest: port %d, wanted for %s, is taken (%v): stop what listens there or choose another port", e.Port, e.Use, e.Err)
}

// Unwrap returns [ErrPortTaken] and the operating system's error.
func (e *PortError) Unwrap() []error { return []error{ErrPortTaken, e.Err} }

// ProcessError says which process failed, and shows the end of its log.
type ProcessError struct {
	Process string // such as "broker 1" or "registry"
	LogPath string // the whole log; kept until the next Start, or for good in Config.Dir
	LogTail string // its last lines
	Err     error  // wraps ErrProcessDied or ErrNotReady
}

func (e *ProcessError) Error() string {
	s := fmt.Sprintf("kafkatest: %s: %v; its log is %s", e.Process, e.Err, e.LogPath)
	if e.LogTail == "" {
		return s + " (empty)"
	}
	return s + ", which ends:\n" + indent(e.LogTail)
}

// Unwrap returns the cause.
func (e *ProcessError) Unwrap() error { return e.Err }

func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ")
}
