package fencelogcli_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/fencelogcli"
)

// The shells' scripts ask the tool itself, by the hidden command __complete.
func TestCompletion(t *testing.T) {
	t.Parallel()
	generic := fencelogcli.Config{}
	env := map[string]string{"FENCELOG_CATEGORIES": "Invoice:4"}
	for _, c := range []struct {
		cfg  fencelogcli.Config
		args []string
		want []string
	}{
		{shop(), []string{"st"}, []string{"stream\tshows the events of one aggregate"}},
		{shop(), []string{"topics", ""}, []string{
			"check\tcompares the topics with what they must be",
			"create\tcreates the topics that are missing, and shows all",
		}},
		{shop(), []string{"completion", ""}, []string{"bash", "zsh", "fish", "powershell"}},
		{shop(), []string{"stream", "show", ""}, []string{"Account/", "Order/"}},
		{shop(), []string{"stream", "show", "Account/alice", ""}, nil},
		{shop(), []string{"tail", "--category", ""}, []string{"Account", "Order"}},
		{generic, []string{"tail", "--category", ""}, []string{"Invoice"}},
		{shop(), []string{"tail", "--beg"}, []string{"--beginning\tbegin with the first event"}},
		{shop(), []string{"schemas", "check", "--compatibility", ""}, []string{
			"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE",
		}},
		{shop(), []string{"help", "stream", ""}, []string{"show\tshows the events of one stream"}},
		{shop(), []string{"dead-letters", "show", ""}, nil}, // there are no brokers to ask
	} {
		r := call(t, c.cfg, env, append([]string{"__complete"}, c.args...)...)
		require.Equal(t, fencelogcli.ExitOK, r.code, r.stderr)
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		require.Regexp(t, `^:[0-9]+$`, lines[len(lines)-1], "the last line says what the shell does with them")
		require.Equal(t, c.want, append([]string(nil), lines[:len(lines)-1]...), c.args)
	}
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := good(t, shop(), nil, "completion", shell)
		require.Contains(t, script, "shop")
		require.Contains(t, script, "__complete")
		if path, err := exec.LookPath(shell); err == nil && shell == "bash" {
			cmd := exec.Command(path, "-n") // reads the script, and runs nothing
			cmd.Stdin = strings.NewReader(script)
			output, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", output)
		}
	}
}
