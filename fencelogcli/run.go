package fencelogcli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	ExitOK    = 0 // the tool did what it was asked, and found nothing wrong
	ExitWrong = 1 // something is wrong: a finding, a difference, a refusal, or a failure
	ExitUsage = 2 // the command line is wrong
)

// errFound ends a command that has printed what is wrong.
var errFound = errors.New("something is wrong, and was printed")

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// Main runs the tool with the arguments of this process, and ends the process with the exit code.
// Ctrl-C and SIGTERM end the command that runs; a second one ends the process at once.
func Main(cfg Config) {
	if cfg.Name == "" {
		cfg.Name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that the next signal has its usual effect
	os.Exit(Run(ctx, os.Args[1:], cfg))
}

// Run runs the tool with the arguments, without the program's name, until the command is done or
// ctx ends. It returns the exit code:
//
//   - [ExitOK] if the tool did what it was asked, and found nothing wrong;
//   - [ExitWrong] if something is wrong: a finding, a difference, a refusal, or a failure;
//   - [ExitUsage] if the command line is wrong.
//
// It prints what was asked for to Stdout. Errors, progress and waits go to Stderr.
func Run(ctx context.Context, args []string, cfg Config) int {
	t := &tool{Config: cfg.withDefaults()}
	root := t.root() //nolint:contextcheck // the commands get ctx from ExecuteContextC
	root.SetArgs(withLongHelp(args))
	root.SetOut(t.Stdout)
	root.SetErr(t.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errFound):
		return ExitWrong
	case errors.As(err, &usage):
		fmt.Fprintf(t.Stderr, "%s\n%s: %v\n", helpOf(cmd), cmd.CommandPath(), err)
		return ExitUsage
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		fmt.Fprintf(t.Stderr, "%s: interrupted\n", cmd.CommandPath())
	default:
		fmt.Fprintf(t.Stderr, "%s: %v\n", cmd.CommandPath(), err)
	}
	return ExitWrong
}

// withLongHelp lets the tool take -help, as programs with Go's flags do.
func withLongHelp(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		switch arg {
		case "--":
			return args
		case "-help":
			args[i] = "--help"
		}
	}
	return args
}

// tool is one run.
type tool struct {
	Config
	flags flags
}

// root returns the command line as a whole.
func (t *tool) root() *cobra.Command {
	root := t.group(t.Name, "looks after event stores in Kafka: topics, schemas, events, dead letters", `
Its brokers are those that KAFKA_BROKERS names, its schema registry is the one at SCHEMA_REGISTRY_URL.
Flags win over variables. `+exitCodes,
		t.topics(), t.schemas(), t.stream(), t.tail(), t.deadLetters(), t.doctor(), t.completion())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), helpOf(cmd)) })
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SetHelpCommand(helpCommand(root))
	return root
}

const exitCodes = `The exit code is 0 if all is well, 1 if something is wrong (a finding, a
difference, a refusal, a failure), and 2 if the command line is wrong.`

// group returns a command that only has commands below it.
func (t *tool) group(name, short, long string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: name, Short: short, Long: long,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() {
					names = append(names, c.Name())
				}
			}
			found := "no command"
			if len(args) > 0 {
				found = fmt.Sprintf("%q", args[0])
			}
			return usagef("found %s, expected one of %s", found, strings.Join(names, ", "))
		},
	}
	g.AddCommand(commands...)
	return g
}

// between wants a number of arguments, which the command's usage line names.
func between(least, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch n := len(args); {
		case n > most && most == 0:
			return usagef("found the argument %q, expected none", args[0])
		case n < least || n > most:
			return usagef("found %d arguments, expected those in the usage line", n)
		}
		return nil
	}
}
