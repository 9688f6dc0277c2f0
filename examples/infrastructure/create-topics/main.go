package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/topics"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	flags := flag.NewFlagSet("create-topics", flag.ContinueOnError)
	var usage strings.Builder
	flags.SetOutput(&usage)
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
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
	good, err := createTopics(ctx, stdout, stderr, getenv)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "create-topics: %v\n", err)
	}
	if err != nil || !good {
		return exitFailed
	}
	return exitOK
}

// createTopics creates what is missing, shows all topics, also where one could not be created, and
// reports whether they are as they must be.
func createTopics(ctx context.Context, stdout, stderr io.Writer, getenv func(string) string) (bool, error) {
	cfg, err := billing.KafkaFromEnv(getenv)
	if err != nil {
		return false, err
	}
	cfg.Connection.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})) // which brokers are waited for
	all, failed := topics.Create(ctx, cfg.Connection, cfg.Topics)
	if len(all) == 0 {
		return false, failed
	}
	const heading = "Topic"
	width := len(heading)
	for _, t := range all {
		width = max(width, len(t.Name))
	}
	good := true
	var text strings.Builder
	row := func(name, partitions, status string) {
		fmt.Fprintf(&text, "%-*s  %10s  %s\n", width, name, partitions, status)
	}
	row(heading, "Partitions", "Status")
	for _, t := range all {
		row(t.Name, strconv.Itoa(int(t.Partitions)), status(t))
		for _, d := range t.Differences {
			good = false
			row("", "", d.String())
		}
	}
	if !good {
		text.WriteString("\nNothing that exists was changed: set it right by hand, or make the configuration say what the topic is.\n")
	}
	_, err = io.WriteString(stdout, text.String())
	return good, errors.Join(failed, err)
}

func status(t topics.Status) string {
	switch {
	case t.Created:
		return "created"
	case !t.Exists:
		return "missing"
	case len(t.Differences) > 0:
		return "differs:"
	}
	return "exists"
}
