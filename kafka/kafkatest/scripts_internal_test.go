//go:build unix

package kafkatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Folders may have any name, and a tool's class depends on the release. The clusters of a test
// share a cache with a plain name, so only an internal test can choose another. The test is not
// parallel. A script that is just written cannot run while another test starts a process, which
// inherits the open file.
func TestScriptsInFoldersOfAnyName(t *testing.T) {
	for _, c := range []struct{ name, folder, jar, runs string }{
		{"a new release", "plain", "... new/Tool ...", "new.Tool"},
		{"an old one", "plain", "...", "old.Tool"},
		{"an odd name", "Ann's $(touch x) * \"files\"", "... new/Tool ...", "new.Tool"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), c.folder)
			java, script := filepath.Join(folder, "java"), filepath.Join(folder, "tool.sh")
			d := &distribution{java: java, dir: folder}
			for path, text := range map[string]string{
				java:   "#!/bin/sh\nfor word; do echo \"$word\"; done\n",
				script: d.script(filepath.Join(folder, "tmp"), []string{"new.Tool", "old.Tool"}),
				filepath.Join(folder, libsDir, "kafka-tools-1.2.3.jar"): c.jar,
			} {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
			}
			cmd := exec.CommandContext(t.Context(), script, "--list", "two words")
			cmd.Dir = t.TempDir()
			printed, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", printed)
			words := strings.Split(strings.TrimSpace(string(printed)), "\n")
			require.Equal(t, d.command(filepath.Join(folder, "tmp"), c.runs, "--list", "two words"), words)
		})
	}
}
