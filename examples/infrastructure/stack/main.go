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

	"github.com/fencelog/fencelog/kafka/kafkatest/console"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	console.KeepInBackground()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run starts what args describe and takes it down when ctx is done; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
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
	if err := runStack(ctx, newStack(o), stdin, stdout); err != nil {
		fmt.Fprintf(stderr, "stack: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// runStack starts everything, attends to it until ctx is done, and takes everything down. If a part
// ends meanwhile, runStack says so, and the others go on.
func runStack(ctx context.Context, s *stack, stdin io.Reader, stdout io.Writer) error {
	err := s.start(ctx, stdin)
	switch {
	case err == nil:
		fmt.Fprint(stdout, s.addresses(ctx))
		s.wait(ctx)
	case ctx.Err() != nil:
		err = nil // a start that is interrupted fails, which is no news
	}
	return errors.Join(err, s.stop(err != nil))
}
