package account_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// READERS.md tells users of kafkajs to write the lines that the test's reading program has.
func TestReadersAreToldWhatWasTried(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../kafka/READERS.md")
	require.NoError(t, err)
	program, err := os.ReadFile("testdata/kafkajs/read.js")
	require.NoError(t, err)
	lines := make(map[string]bool)
	for line := range strings.Lines(string(program)) {
		lines[strings.TrimSpace(line)] = true
	}
	told := 0
	for i, block := range strings.Split(string(page), "```") {
		if code, ok := strings.CutPrefix(block, "js\n"); i%2 == 1 && ok {
			for line := range strings.Lines(code) {
				require.True(t, lines[strings.TrimSpace(line)], "READERS.md says %q, and read.js does not", line)
				told++
			}
		}
	}
	require.Greater(t, told, 10)
}
