package kafkatest

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrToolMissing: a program that starting needs is not installed. The error is a [*ToolError].
	ErrToolMissing = errors.New("program not found")
	// ErrToolFailed: a program that downloads or prepares what is to run failed. The
	// error is a [*ToolError] that carries the end of what it printed.
	ErrToolFailed = errors.New("program failed")
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
	// ErrRunning: the broker to start runs already.
	ErrRunning = errors.New("broker runs already")
	// ErrNotRunning: the broker to pause or resume was killed or has died.
	ErrNotRunning = errors.New("broker does not run")
	// ErrDirInUse: another cluster uses [Config.Dir].
	ErrDirInUse = errors.New("folder is in use")
)

// ToolError says which program was needed, what went wrong with it, and what to do.
type ToolError struct {
	Tool   string // the program, such as "mvn"
	Hint   string // what it is needed for, or what to check
	Output string // the end of what it printed; empty if it never ran
	Err    error  // wraps ErrToolMissing or ErrToolFailed
}

func (e *ToolError) Error() string {
	s := fmt.Sprintf("kafkatest: %s: %v: %s", e.Tool, e.Err, e.Hint)
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
