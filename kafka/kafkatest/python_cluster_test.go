//go:build cluster && unix

package kafkatest_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestPythonFailsWithWhatItPrinted(t *testing.T) {
	python, err := kafkatest.InstallPython(t.Context(), nil)
	require.NoError(t, err)
	script := filepath.Join(t.TempDir(), "fail.py")
	require.NoError(t, os.WriteFile(script, []byte("import sys\nprint(sys.stdin.read())\nsys.exit('it broke')\n"), 0o600))
	_, err = python.Run(t.Context(), []byte("hello"), script)
	require.ErrorIs(t, err, kafkatest.ErrToolFailed)
	require.ErrorContains(t, err, "it broke")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = python.Run(ctx, nil, script)
	require.ErrorIs(t, err, context.Canceled)
}

// A client of another language is the witness that what is written can be read by others.
func ExampleInstallPython() {
	ctx := context.Background()
	python, err := kafkatest.InstallPython(ctx, os.Stderr)
	if err != nil {
		slog.Error("no Python", "error", err)
		return
	}
	version, err := python.Run(ctx, nil, "-c", "import confluent_kafka; print(confluent_kafka.__version__, end='')")
	fmt.Println(string(version), err)
	// Output: 2.16.0 <nil>
}
