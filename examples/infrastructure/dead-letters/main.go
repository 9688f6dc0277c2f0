package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka/deadletters"
)

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `usage:
  dead-letters list [handler]
  dead-letters show <id>
  dead-letters redrive <id> <reason>
  dead-letters discard <id> <reason>
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	if len(args) == 1 && slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		_, _ = fmt.Fprint(stdout, usage)
		return exitOK
	}
	do := parse(args)
	if do == nil {
		_, _ = fmt.Fprint(stderr, usage)
		return exitUsage
	}
	if err := connected(ctx, stderr, getenv, func(letters subscription.DeadLetters) error { return do(ctx, letters, stdout) }); err != nil {
		_, _ = fmt.Fprintf(stderr, "dead-letters: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func connected(ctx context.Context, stderr io.Writer, getenv func(string) string, use func(subscription.DeadLetters) error) (err error) {
	cfg, err := billing.KafkaFromEnv(getenv)
	if err != nil {
		return err
	}
	cfg.Connection.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})) // which brokers are waited for
	letters, err := deadletters.Open(ctx, cfg.Connection, cfg.Topics)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, letters.Close()) }()
	return use(letters)
}

type action func(context.Context, subscription.DeadLetters, io.Writer) error

// parse returns what the arguments ask for, or nil.
func parse(args []string) action {
	if len(args) == 0 {
		return nil
	}
	what, args := args[0], args[1:]
	switch {
	case what == "list" && len(args) <= 1:
		return func(ctx context.Context, d subscription.DeadLetters, w io.Writer) error {
			return list(ctx, d, w, strings.Join(args, ""))
		}
	case what == "show" && len(args) == 1:
		return func(ctx context.Context, d subscription.DeadLetters, w io.Writer) error {
			return show(ctx, d, w, args[0])
		}
	case (what == "redrive" || what == "discard") && len(args) > 1:
		return func(ctx context.Context, d subscription.DeadLetters, w io.Writer) error {
			return ask(ctx, d, w, what, args[0], strings.Join(args[1:], " "))
		}
	}
	return nil
}

func list(ctx context.Context, d subscription.DeadLetters, w io.Writer, handler string) error {
	all, err := d.List(ctx, handler)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(w, "no dead letters")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "Id\tKey\tAttempts\tSet aside\tError") // a failure shows when the table is flushed
	for _, l := range all {
		what := firstLine(l.Error)
		if l.Waiting {
			what = "(waits behind an earlier one)"
		}
		if l.Redrive {
			what += " (to be handled again)"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", l.ID, l.Key, l.Attempts, l.At.Format(time.RFC3339), what)
	}
	return table.Flush()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func show(ctx context.Context, d subscription.DeadLetters, w io.Writer, text string) error {
	id, err := subscription.ParseLetterID(text)
	if err != nil {
		return err
	}
	event, traces, err := d.Show(ctx, id)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "key    %s\n", event.AggregateID)
	for _, h := range event.Headers {
		fmt.Fprintf(&b, "header %s: %s\n", h.Name, h.Value)
	}
	fmt.Fprintf(&b, "value  %d bytes: %x\n", len(event.Value), event.Value)
	for _, t := range traces {
		fmt.Fprintf(&b, "%s  %s after %d attempts: %s\n", t.At.Format(time.RFC3339), t.What, t.Attempts, firstLine(t.Note))
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func ask(ctx context.Context, d subscription.DeadLetters, w io.Writer, what, text, reason string) error {
	id, err := subscription.ParseLetterID(text)
	if err != nil {
		return err
	}
	if what == "discard" {
		if err := d.Discard(ctx, id, reason); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, id, "is given up")
		return err
	}
	if err := d.Redrive(ctx, id, reason); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, id, "will be handled again, with what waits behind it")
	return err
}
