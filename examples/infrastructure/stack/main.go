package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run starts what args describe and takes it down when ctx is done; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var usage strings.Builder
	o, err := parse(args, &usage)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage.String())
		return exitOK
	case err != nil:
		fmt.Fprint(stderr, usage.String())
		return exitUsage
	}
	o.progress = stderr
	if err := runStack(ctx, o, stdout); err != nil {
		fmt.Fprintf(stderr, "stack: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// runStack starts everything, waits for the end, and takes everything down.
func runStack(ctx context.Context, o options, stdout io.Writer) error {
	s := newStack(o)
	err := s.start(ctx)
	if err == nil {
		fmt.Fprint(stdout, s.addresses())
		s.say("press Ctrl-C to stop, or: kill %d", os.Getpid())
		select {
		case <-ctx.Done():
		case err = <-s.ended():
		case err = <-s.cluster.Died():
		}
	} else if ctx.Err() != nil {
		err = nil // why a start failed that was interrupted is no news
	}
	return errors.Join(err, s.stop())
}
