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

func TestNodeFailsWithWhatItPrinted(t *testing.T) {
	node, err := kafkatest.InstallNode(t.Context(), nil)
	require.NoError(t, err)
	script := filepath.Join(t.TempDir(), "fail.js")
	require.NoError(t, os.WriteFile(script, []byte("throw new Error('it broke')\n"), 0o600))
	_, err = node.Run(t.Context(), nil, script)
	require.ErrorIs(t, err, kafkatest.ErrToolFailed)
	require.ErrorContains(t, err, "it broke")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = node.Run(ctx, nil, script)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNodeSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := kafkatest.InstallNode(t.Context(), nil)
	require.ErrorIs(t, err, kafkatest.ErrToolMissing)
	require.ErrorContains(t, err, "Debian: nodejs npm")
	require.ErrorContains(t, err, "kafkatest: node:")
	require.ErrorContains(t, err, "kafkatest: npm:")
}

// The plan's own client is a witness that what is written can be read by others.
func ExampleInstallNode() {
	ctx := context.Background()
	node, err := kafkatest.InstallNode(ctx, os.Stderr)
	if err != nil {
		slog.Error("no Node", "error", err)
		return
	}
	printed, err := node.Run(ctx, nil, "-e", "const { Kafka } = require('kafkajs'); console.log(typeof Kafka)")
	fmt.Printf("%s%v\n", printed, err)
	// Output:
	// function
	// <nil>
}
