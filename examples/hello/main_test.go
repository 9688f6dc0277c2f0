package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSize holds that a first program is short: everything in one file of 100 lines at most.
func TestSize(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(source), "\n"), 100)
}

func Example() {
	main()
	// Output:
	// main.Sign{lobby Ada}: at version 1, error: <nil>
	// main.Sign{lobby Bob}: at version 2, error: <nil>
	// main.Sign{lobby Ada}: at version 0, error: this guest has signed already
	// main.Strike{lobby Bob}: at version 3, error: <nil>
	// guests: [Ada]
}
