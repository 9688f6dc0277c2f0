package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/fencelog/fencelog/internal/process"
)

// Interpreter runs programs of another language, which find the packages of [InstallNode] or
// [InstallPython]. These packages share nothing with this module but the wire. Run may be called
// concurrently.
type Interpreter struct {
	path string
	env  []string // added to this process's own
}

// Run runs a program to its end, or kills it when ctx is done, and returns its standard output.
// Like every child the program dies with this process. Its standard error is in the error.
func (i *Interpreter) Run(ctx context.Context, stdin []byte, script string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, i.path, append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), i.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	if err := process.Run(ctx, cmd); err != nil {
		return nil, &ToolError{
			Tool: script, Hint: "see what it printed", Output: process.LastLines(stderr.String()),
			Err: fmt.Errorf("%w: %w", ErrToolFailed, err),
		}
	}
	return stdout.Bytes(), nil
}
