//go:build cluster

package programs_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The bounds of a build of all programs, and of a call that does nothing.
const (
	buildTime = 10 * time.Minute
	callTime  = time.Minute
)

// A program that is asked for its usage prints that to standard output and exits with 0. A program
// that is called wrongly prints it to standard error and exits with 2, before it does anything
// else.
func TestHowEveryProgramIsCalled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	list, err := exec.CommandContext(ctx, "go", "list", "-f",
		`{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "../../...").Output()
	require.NoError(t, err)
	programs := strings.Fields(string(list))
	require.Greater(t, len(programs), 10)
	folder := t.TempDir()
	output, err := exec.CommandContext(ctx, "go",
		append([]string{"build", "-ldflags=-s -w", "-o", folder}, programs...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	for _, program := range programs {
		name := path.Base(program)
		if name == "hello" {
			continue // the first program that people read takes nothing, to stay short
		}
		t.Run(name, func(t *testing.T) {
			code, usage, stderr := call(t, filepath.Join(folder, name), "-h")
			require.Equal(t, 0, code, stderr)
			require.NotEmpty(t, usage)
			require.Empty(t, stderr)
			for _, help := range []string{"-help", "--help"} {
				code, stdout, stderr := call(t, filepath.Join(folder, name), help)
				require.Equal(t, 0, code, stderr)
				require.Equal(t, usage, stdout, help)
				require.Empty(t, stderr)
			}
			for _, wrong := range [][]string{
				{"-there-is-no-such-flag"},
				{"there-is-no-such-argument", "nor-this-one"}, // quickstart takes one, a file
			} {
				code, stdout, stderr := call(t, filepath.Join(folder, name), wrong...)
				require.Equal(t, 2, code, "%v: %s%s", wrong, stdout, stderr)
				require.Contains(t, stderr, usage, wrong)
				require.Empty(t, stdout)
			}
		})
	}
}

// call runs a program for which nothing is configured, and returns its exit code and what it
// printed.
func call(t *testing.T, program string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTime)
	defer cancel()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{}
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.WaitDelay = callTime // for processes that it may have started
	var failed *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &failed) {
		require.NoError(t, err)
	}
	require.NoError(t, ctx.Err(), "%v did not end: %s", args, &log)
	chosen := regexp.MustCompile(`default [0-9]+`) // prove draws a seed
	same := func(b bytes.Buffer) string { return chosen.ReplaceAllString(b.String(), "default N") }
	return cmd.ProcessState.ExitCode(), same(out), same(log)
}
