package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/fencelog/fencelog/observe/logctx"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2

	usage = "usage: billing   (without arguments: environment variables configure it, see its README.md)\n"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code. Logs go to stdout, one JSON object a line.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 1 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	if len(args) > 0 {
		fmt.Fprintf(stderr, "billing: found the argument %q, expected none\n%s", args[0], usage)
		return exitUsage
	}
	s, err := settingsFrom(getenv)
	if err != nil {
		fmt.Fprintf(stderr, "billing: %v\n", err)
		return exitUsage
	}
	logger := slog.New(logctx.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: s.logLevel})))
	if err := serve(ctx, s, logger); err != nil {
		fmt.Fprintf(stderr, "billing: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// serve listens and serves until ctx ends.
func serve(ctx context.Context, s settings, logger *slog.Logger) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("%w: stop what listens there, or set %s to another address", err, addressVariable)
	}
	t, err := newTelemetry(ctx, s.getenv)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	err = newServer(s, t, logger).serve(ctx, listener)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(err, t.close(end))
}
