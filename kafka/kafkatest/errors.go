package kafkatest

import (
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/internal/process"
)

var (
	// ErrToolMissing says that a program is not installed that the start needs. The error is a
	// [*ToolError].
	ErrToolMissing = errors.New("program not found")
	// ErrToolFailed says that a program failed that downloads or prepares the parts of a cluster.
	// The error is a [*ToolError] with the end of the program's output.
	ErrToolFailed = errors.New("program failed")
	// ErrPortTaken says that something else listens on a port. The error is a [*PortError].
	ErrPortTaken = errors.New("port taken")
	// ErrDirInUse says that another cluster uses [Config.Dir].
	ErrDirInUse = errors.New("folder is in use")
	// ErrProcessDied says that a broker or the registry ended before it was ready, or later, see
	// [Cluster.Died]. The error is a [*ProcessError].
	ErrProcessDied = errors.New("process died")
	// ErrNotReady says that a broker or the registry was not ready in time. The error is a
	// [*ProcessError] unless the part was stopped meanwhile.
	ErrNotReady = errors.New("not ready in time")
	// ErrRunning says that the part to start runs already.
	ErrRunning = errors.New("runs already")
	// ErrNotRunning says that the broker to pause or resume was killed or has died.
	ErrNotRunning = errors.New("does not run")
	// ErrStopped says that the cluster has been stopped.
	ErrStopped = errors.New("cluster is stopped")
	// ErrExternal says that the cluster was not started by this process, so that its brokers cannot
	// be killed, restarted or paused from here.
	ErrExternal = errors.New("cluster was started elsewhere")
)

// ToolError says which program was needed, what went wrong with it, and what to do.
type ToolError struct {
	Tool   string // the program, such as "mvn"
	Hint   string // its purpose, or what to check
	Output string // the end of its output; empty if it never ran
	Err    error  // wraps ErrToolMissing or ErrToolFailed
}

func (e *ToolError) Error() string {
	s := fmt.Sprintf("kafkatest: %s: %v: %s", e.Tool, e.Err, e.Hint)
	if e.Output != "" {
		s += "\n" + process.Indent(e.Output)
	}
	return s
}

// Unwrap returns the cause.
func (e *ToolError) Unwrap() error { return e.Err }

// PortError says which port of 127.0.0.1 is taken.
type PortError struct {
	Port int
	Use  string // its purpose, such as "broker-1"
	Err  error  // the operating system's answer
}

func (e *PortError) Error() string {
	return fmt.Sprintf("kafkatest: port %d, wanted for %s, is taken (%v): stop what listens "+
		"there or choose another port", e.Port, e.Use, e.Err)
}

// Unwrap returns [ErrPortTaken] and the operating system's error.
func (e *PortError) Unwrap() []error { return []error{ErrPortTaken, e.Err} }

// ProcessError says which process failed, and shows the end of its log.
type ProcessError struct {
	Process string // such as "broker-1" or "registry"
	// LogPath is the path of the whole log. In Config.Dir the log stays for ever. Elsewhere the log
	// of a start that failed stays until the next Start, unless ctx was canceled. The log of a
	// process that Died tells of stays until Stop.
	LogPath string
	LogTail string // its last lines
	Err     error  // wraps ErrProcessDied or ErrNotReady
}

func (e *ProcessError) Error() string {
	return fmt.Sprintf("kafkatest: %s: %v; %s", e.Process, e.Err, process.Logged(e.LogPath, e.LogTail))
}

// Unwrap returns the cause.
func (e *ProcessError) Unwrap() error { return e.Err }
