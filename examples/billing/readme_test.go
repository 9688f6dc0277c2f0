package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each line of curl in the README prints the line below it, except for ids and times. The test
// binary stands in for curl, so the test needs no curl.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(text), "```console\n")
	require.True(t, ok)
	block, _, _ = strings.Cut(block, "```")
	self, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "curl")))
	c := start(t)
	lines := strings.Split(strings.TrimSpace(block), "\n")
	require.GreaterOrEqual(t, len(lines), 12)
	for i := 0; i < len(lines); i += 2 {
		line, ok := strings.CutPrefix(lines[i], "$ ")
		require.True(t, ok, lines[i])
		shell := exec.Command("sh", "-c",
			strings.ReplaceAll(line, "localhost:3001", strings.TrimPrefix(c.url, "http://")))
		shell.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
		out, err := shell.Output()
		require.NoError(t, err, line)
		require.Equal(t, masked(lines[i+1]), masked(string(out)), line)
	}
}

// masked replaces what differs from run to run.
func masked(s string) string {
	s = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllString(s, "ID")
	s = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(s, "TIME")
	s = regexp.MustCompile(`"offset":\d+`).ReplaceAllString(s, `"offset":N`)
	return strings.TrimSpace(s)
}
