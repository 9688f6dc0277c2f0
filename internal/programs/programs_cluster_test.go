//go:build cluster

package programs_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every program tells how it is called, on standard output, if it is asked to, which is no failure; and on standard error, with exit code 2, if it
// was called wrongly, before it does anything else..
func TestHowEveryProgramIsCalled(t *testing.T) {
	list, err := exec.Command("go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "../../...").Output()
	require.NoError(t, err)
	programs := strings.Fields(string(list))
	require.Greater(t, len(programs), 10)
	folder := t.TempDir()
	output, err := exec.Command("go", append([]string{"build", "-ldflags=-s -w", "-o", folder}, programs...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	for _, program := range programs {
		name := path.Base(program)
		for _, c := range []struct {
			argument string
			code     int
		}{{"-h", 0}, {"-help", 0}, {"--help", 0}, {"-there-is-no-such-flag", 2}} {
			t.Run(name+" "+c.argument, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				cmd := exec.Command(filepath.Join(folder, name), c.argument)
				cmd.Env = []string{} // nothing is configured
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				var failed *exec.ExitError
				if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
					require.NoError(t, err)
				}
				said, silent := &stdout, &stderr
				if c.code != 0 {
					said, silent = silent, said
				}
				require.Equal(t, c.code, cmd.ProcessState.ExitCode(), "%s%s", stdout.String(), stderr.String())
				require.NotEmpty(t, said.String())
				require.Empty(t, silent.String())
			})
		}
	}
}
