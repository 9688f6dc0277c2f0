package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// worthRetrying reports whether a download failed in a way that another try may mend.
func worthRetrying(err error) bool { return errors.Is(err, ErrDownload) }

// findTool looks for a program on the PATH.
func findTool(need string, names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &ToolError{Tool: names[0], Need: need, Err: ErrToolMissing}
}

// findJava returns the Java that runs the brokers: the one of JAVA_HOME, else of the PATH.
func findJava() (string, error) {
	const need = "Java 17 or later runs the brokers: install it, and put it on the PATH or set JAVA_HOME"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java := filepath.Join(home, "bin", "java")
		if _, err := exec.LookPath(java); err != nil {
			return "", &ToolError{Tool: java, Need: need, Err: ErrToolMissing}
		}
		return java, nil
	}
	return findTool(need, "java")
}

// runTool runs a program to its end, or kills it when ctx is done.
// Like every child it dies with this process. What it printed is in the error.
func runTool(ctx context.Context, dir, need string, path string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &output, &output
	done, err := launch(cmd)
	if err == nil {
		err = <-done
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &ToolError{
		Tool: filepath.Base(path), Need: need, Output: lastLines(output.String()),
		Err: fmt.Errorf("%w: %w", ErrDownload, err),
	}
}
