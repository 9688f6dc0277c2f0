package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/fencelog/fencelog/internal/process"
)

// colours are the escape sequences that Maven prints even if nobody sees them.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// findTool looks for a program on the PATH under any of its names.
func findTool(hint string, names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &ToolError{Tool: names[0], Hint: hint, Err: ErrToolMissing}
}

// findJava returns the Java that runs the brokers: the one of JAVA_HOME, else of the PATH.
func findJava() (string, error) {
	const hint = "Java 17 or later runs the brokers: install it, and put it on the PATH or set JAVA_HOME"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return findTool(hint, filepath.Join(home, "bin", "java"))
	}
	return findTool(hint, "java")
}

// runTool runs a program to its end, or kills it when ctx is done. Like every child the program
// dies with this process. The end of its output is in the error.
func runTool(ctx context.Context, dir, hint, path string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &output, &output
	err := process.Run(ctx, cmd)
	if err == nil {
		return nil
	}
	return &ToolError{
		Tool: filepath.Base(path), Hint: hint, Output: process.LastLines(colours.ReplaceAllString(output.String(), "")),
		Err: fmt.Errorf("%w: %w", ErrToolFailed, err),
	}
}
