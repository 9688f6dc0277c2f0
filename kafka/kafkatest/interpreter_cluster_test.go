//go:build cluster && unix

package kafkatest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/kafkatest"
)

func TestInterpreters(t *testing.T) {
	for _, c := range []struct {
		name           string
		install        func(context.Context, io.Writer) (*kafkatest.Interpreter, error)
		echo, fail     string // programs
		missing, hints []string
	}{
		{
			"node", kafkatest.InstallNode,
			"require('kafkajs'); process.stdin.pipe(process.stdout)", "throw new Error('it broke')",
			[]string{"kafkatest: node:", "kafkatest: npm:"},
			[]string{"Debian: nodejs npm"},
		},
		{
			"python", kafkatest.InstallPython,
			"import confluent_kafka, sys\nsys.stdout.write(sys.stdin.read())", "import sys\nsys.exit('it broke')",
			[]string{"kafkatest: python3.11:"},
			[]string{"install Python 3.11 with pip"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			interpreter, err := c.install(t.Context(), nil)
			require.NoError(t, err)
			program := func(text string) string {
				path := filepath.Join(t.TempDir(), "program")
				require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
				return path
			}
			printed, err := interpreter.Run(t.Context(), []byte("hello"), program(c.echo))
			require.NoError(t, err)
			require.Equal(t, "hello", string(printed))

			_, err = interpreter.Run(t.Context(), nil, program(c.fail))
			require.ErrorIs(t, err, kafkatest.ErrToolFailed)
			require.ErrorContains(t, err, "it broke")

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = interpreter.Run(ctx, nil, program(c.echo))
			require.ErrorIs(t, err, context.Canceled)

			t.Setenv("PATH", t.TempDir())
			_, err = c.install(t.Context(), nil)
			require.ErrorIs(t, err, kafkatest.ErrToolMissing)
			for _, text := range append(c.missing, c.hints...) {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

// A client of another language proves that others can read the records.
func ExampleInstallPython() {
	ctx := context.Background()
	python, err := kafkatest.InstallPython(ctx, os.Stderr)
	if err != nil {
		slog.Error("no Python", "error", err)
		return
	}
	printed, err := python.Run(ctx, nil, "-c", "import confluent_kafka; print(confluent_kafka.Consumer.__name__)")
	fmt.Printf("%s%v\n", printed, err)
	// Output:
	// Consumer
	// <nil>
}

// Another client of yet another language proves the same.
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
