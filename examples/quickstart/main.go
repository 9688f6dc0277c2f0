package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

//go:embed sample.jsonl
var sample string

const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run runs the program and returns the exit code.
func run(
	ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string,
) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	var usage strings.Builder
	flags.SetOutput(&usage)
	verbose := flags.Bool("v", false, "log what happens inside, to standard error")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(&usage, "usage: quickstart [-v] [file|-]   (- is standard input; the default is a sample)")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 1 {
		err = fmt.Errorf("found %d arguments, expected one at most", flags.NArg())
		_, _ = fmt.Fprintln(&usage, err)
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage.String())
		return exitOK
	case err != nil:
		_, _ = io.WriteString(stderr, usage.String())
		return exitUsage
	}
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelInfo
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))

	ok, err := process(ctx, flags.Arg(0), stdin, stdout, getenv, logger)
	switch {
	case err != nil && ctx.Err() != nil:
		_, _ = fmt.Fprintln(stderr, "quickstart: interrupted")
		return exitInterrupted
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "quickstart: %v\n", err)
		return exitFailed
	case !ok:
		return exitFailed
	}
	return exitOK
}

// process runs the commands from the named source against the store that the environment names. It
// reports whether every line was understood.
func process(
	ctx context.Context, source string, stdin io.Reader, stdout io.Writer, getenv func(string) string,
	logger *slog.Logger,
) (ok bool, err error) {
	in, err := open(source, stdin)
	if err != nil {
		return false, err
	}
	defer in.close()
	b, err := connect(ctx, getenv, logger)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	s, err := start(ctx, b, stdout, logger)
	if err == nil {
		err = b.claim(ctx) // last: a start that fails takes nothing from a service that runs
	}
	if err != nil {
		return false, err
	}
	return s.run(ctx, b, in)
}

// input is the source of the lines.
type input struct {
	io.Reader

	name  string
	close func()
}

func open(source string, stdin io.Reader) (*input, error) {
	switch source {
	case "":
		return &input{strings.NewReader(sample), "the sample", func() {}}, nil
	case "-":
		return &input{stdin, "standard input", func() {}}, nil
	}
	file, err := os.Open(source) //nolint:gosec // the user names the file to read
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	return &input{file, source, func() { _ = file.Close() }}, nil
}
