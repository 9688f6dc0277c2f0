package fencelogcli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/fencelogcli"
)

// commands are all commands of the tool.
var commands = []string{
	"", "completion", "dead-letters", "dead-letters discard", "dead-letters list", "dead-letters redrive",
	"dead-letters show", "doctor", "help", "schemas", "schemas check", "schemas register", "stream", "stream show",
	"tail", "topics", "topics check", "topics create",
}

func TestHelpOfEveryCommand(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, name := range commands {
		words := strings.Fields(name)
		help := good(t, fencelogcli.Config{}, nil, append(words, "--help")...)
		for _, flag := range []string{"-h", "-help"} {
			require.Equal(t, help, good(t, fencelogcli.Config{}, nil, append(words, flag)...))
		}
		require.Equal(t, help, good(t, fencelogcli.Config{}, nil, append([]string{"help"}, words...)...))
		all.WriteString(help + strings.Repeat("-", 100) + "\n")
		for line := range strings.SplitSeq(help, "\n") {
			require.LessOrEqual(t, len(line), 110, line)
		}
	}
	golden(t, "help.txt", all.String(), "")
	require.Contains(t, good(t, shop(), nil, "tail", "-h"), "only this category; may be repeated (default: all)")
	require.NotContains(t, good(t, shop(), nil, "schemas", "check", "-h"), "--schemas")
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	generic, own := fencelogcli.Config{}, shop()
	for _, c := range []struct {
		cfg  fencelogcli.Config
		args string
		code int
		says string
	}{
		{own, "", 2, "found no command, expected one of completion, dead-letters, doctor, schemas, stream, tail, "},
		{own, "nonsense", 2, `found "nonsense", expected one of completion, `},
		{own, "--nonsense", 2, "unknown flag: --nonsense"},
		{own, "topics", 2, "found no command, expected one of check, create"},
		{own, "topics burn", 2, `found "burn", expected one of check, create`},
		{own, "topics create -x", 2, "unknown shorthand flag"},
		{own, "topics create x", 2, `found the argument "x", expected none`},
		{own, "topics create", 1, "KAFKA_BROKERS is not set"},
		{own, "topics create --category Nobody", 2, `found the category "Nobody", expected one of Account:2, Order:1`},
		{own, "topics create --category Account:3", 2, `found the category "Account:3", expected one of Account:2`},
		{own, "topics create --category Account:x", 2, `found the category "Account:x", expected a name, a number of`},
		{own, "topics create --category Account:2:x", 2, `partition key "x": expected whole-id or before-slash`},
		{generic, "topics create", 2, "no category is known: give each by --category"},
		{generic, "topics check --category Account", 1, "KAFKA_BROKERS is not set"},
		{own, "schemas register x", 2, `found the argument "x", expected none`},
		{own, "schemas register", 1, "SCHEMA_REGISTRY_URL is not set"},
		{own, "schemas check --compatibility SOME", 2, `found compatibility level "SOME"`},
		{own, "schemas check --released-only", 0, ""},
		{generic, "schemas check", 2, "no schema files are known"},
		{own, "stream show", 2, "found 0 arguments, expected those in the usage line"},
		{own, "stream show Account", 2, `found the stream "Account", expected a category and an id`},
		{own, "stream show Account/", 2, "aggregate id"},
		{own, "stream show Nobody/alice", 2, `found the category "Nobody", expected one of Account:2, Order:1`},
		{own, "stream show Account/alice --at -1", 2, "found --from 1 and --at -1"},
		{own, "stream show Account/alice --from 3 --at 2", 2, "found --from 3 and --at 2"},
		{own, "stream show Account/alice --at x", 2, `invalid argument "x" for "--at" flag`},
		{own, "stream show Account/alice", 1, "KAFKA_BROKERS is not set"},
		{own, "tail --since yesterday", 2, `found --since "yesterday", expected a time such as`},
		{own, "tail --since 5m --beginning", 2, "found --since and --beginning, expected one of them"},
		{own, "tail", 1, "KAFKA_BROKERS is not set"},
		{own, "dead-letters list a b", 2, "found 2 arguments"},
		{own, "dead-letters show", 2, "found 0 arguments"},
		{own, "dead-letters show id", 2, "expected handler/topic/partition/offset"},
		{own, "dead-letters redrive id", 2, "found 1 arguments"},
		{own, "dead-letters discard id because", 2, "expected handler/topic/partition/offset"},
		{own, "dead-letters list", 1, "KAFKA_BROKERS is not set"},
		{own, "doctor x", 2, `found the argument "x", expected none`},
		{generic, "doctor", 2, "no category is known"},
		{own, "doctor", 1, ""},
		{own, "completion", 2, "found 0 arguments"},
		{own, "completion nonsense", 2, `found the shell "nonsense", expected one of bash, zsh, fish, powershell`},
		{own, "completion fish", 0, ""},
		{own, "help nonsense", 2, `there is no command "nonsense"`},
		{own, "help", 0, ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			r := call(t, c.cfg, nil, strings.Fields(c.args)...)
			require.Equal(t, c.code, r.code, r.stdout+r.stderr)
			require.Contains(t, r.stderr, c.says)
			if c.says == "" {
				require.Empty(t, r.stderr)
				require.NotEmpty(t, r.stdout)
				return
			}
			require.Empty(t, r.stdout)
			last := strings.TrimSpace(r.stderr[strings.LastIndex(strings.TrimSpace(r.stderr), "\n")+1:])
			require.Contains(t, last, c.says, "it is what a person sees last")
			require.Equal(t, c.code == 2, strings.Contains(r.stderr, "usage: "), "wrong usage shows the help")
		})
	}
}

// Ctrl-C ends every command.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	env := map[string]string{"KAFKA_BROKERS": "127.0.0.1:1", "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"}
	for _, args := range []string{
		"topics create", "topics check", "schemas register", "schemas check", "stream show Account/alice", "tail",
		"dead-letters list", "dead-letters show printer/shop.account.events/0/7",
	} {
		r := callUntil(ctx, shop(), env, strings.Fields(args)...)
		require.Equal(t, fencelogcli.ExitWrong, r.code, args)
		require.Contains(t, r.stderr, ": interrupted\n", args)
	}
}
