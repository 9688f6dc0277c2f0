package doctor

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
)

// Not every machine that runs the tests has IPv6, so the test makes the error itself.
func TestUnreachableNamesThePortOfAnIPv6Address(t *testing.T) {
	t.Parallel()
	var d diagnosis
	d.unreachable("broker at [::1]:9092", "[::1]:9092", syscall.ECONNREFUSED, "KAFKA_BROKERS")
	require.Equal(t, "broker at [::1]:9092: nothing listens there", d.findings[0].Found)
	require.Contains(t, d.findings[0].Do, "(lsof -i :9092)")
}

// A command that is pasted into a shell means what it says, for any name of a user or a group. The
// in-process Kafka knows no users.
func TestCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("this system has no shell")
	}
	for _, name := range []string{
		"billing", "O'Brien & Söhne", "$(touch x)", "`id`", "a;b|c>d", "*", "~", "new\nline",
		`back\slash "quoted"`,
	} {
		d := diagnosis{views: []*view{{addr: "localhost:9092"}}}
		d.cfg.Connection.Security.SASL = &connection.SASL{Username: name}
		d.cfg.TransactionalIDPrefix = name
		for resource, wants := range map[string][]string{
			access.Group:           {"User:" + name, name},
			access.TransactionalID: {"User:" + name, name + "."},
		} {
			_, command, ok := strings.Cut(d.allow(resource, []string{access.Read}, []string{name}), "\n")
			require.True(t, ok)
			_, arguments, ok := strings.Cut(command, " ")
			require.True(t, ok)
			cmd := exec.CommandContext(context.Background(), shell, "-c", `printf '%s\0' `+arguments)
			cmd.Dir = t.TempDir()
			printed, err := cmd.Output()
			require.NoError(t, err)
			words := strings.Split(string(printed), "\x00")
			for _, want := range wants {
				require.Contains(t, words, want)
			}
			made, err := filepath.Glob(filepath.Join(cmd.Dir, "*"))
			require.NoError(t, err)
			require.Empty(t, made)
		}
	}
}
