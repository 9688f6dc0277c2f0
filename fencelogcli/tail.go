package fencelogcli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/topics"
)

// tail returns the command that follows events.
func (t *tool) tail() *cobra.Command {
	var since, indexDir string
	var beginning bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "shows events as they are appended, one a line, until Ctrl-C",
		Long: `
A line has the event's time, stream, version, type and fields; with --json it has all
that "stream show" tells. Events of one partition come in their order.
The command reads the topics first; --index-dir keeps what it read for the next time.`,
		Example: strings.ReplaceAll(`  TOOL tail
  TOOL tail --since 15m                    # also the last 15 minutes
  TOOL tail --since 2026-01-02T15:04:05Z   # also what happened since then
  TOOL tail --beginning --json             # everything, as JSON`, "TOOL", t.Name),
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			start, err := startOf(since, beginning, clock.Now())
			if err != nil {
				return err
			}
			return t.follow(cmd.Context(), start, indexDir)
		},
	}
	cmd.Flags().StringVar(&since, "since", "",
		"begin at a `time`: RFC 3339, or how long ago, such as 15m (default: now)")
	cmd.Flags().BoolVar(&beginning, "beginning", false, "begin with the first event")
	t.readingFlags(cmd, &indexDir)
	t.jsonFlag(cmd, "print each event as JSON, in one line")
	return cmd
}

// startOf returns where to begin.
func startOf(since string, beginning bool, now time.Time) (eventstore.Start, error) {
	switch {
	case since != "" && beginning:
		return eventstore.Start{}, usagef("found --since and --beginning, expected one of them")
	case beginning:
		return eventstore.Beginning(), nil
	case since == "":
		return eventstore.End(), nil
	}
	if ago, err := time.ParseDuration(since); err == nil && ago >= 0 {
		return eventstore.Since(now.Add(-ago)), nil
	}
	at, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return eventstore.Start{}, usagef("found --since %q, expected a time such as 2026-01-02T15:04:05Z, "+
			"or how long ago, such as 15m", since)
	}
	return eventstore.Since(at), nil
}

// follow shows events until ctx ends, which is no failure.
func (t *tool) follow(ctx context.Context, start eventstore.Start, indexDir string) (err error) {
	categories, err := t.chosen()
	if err != nil {
		return err
	}
	store, err := t.openReader(ctx, indexDir, categories...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	fmt.Fprintf(t.Stderr, "following %s; Ctrl-C ends it\n", namesOnly(categories))
	records := make(chan eventstore.Record)
	group, within := errgroup.WithContext(ctx)
	for _, c := range categories {
		events := store.Follow(within, c.Name, start)
		group.Go(func() error { return forward(within, events, records) })
	}
	group.Go(func() error { return t.printRecords(within, records) })
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// forward sends what is yielded, until ctx ends.
func forward(
	ctx context.Context, events iter.Seq2[eventstore.Record, error], records chan<- eventstore.Record,
) error {
	for r, err := range events {
		if err != nil {
			return err
		}
		select {
		case records <- r:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// printRecords prints what is sent, until ctx ends.
func (t *tool) printRecords(ctx context.Context, records <-chan eventstore.Record) (err error) {
	decoder := t.values()
	defer func() { err = errors.Join(err, decoder.close()) }()
	for {
		select {
		case r := <-records:
			e := eventOf(r, decoder.of(ctx, r.Value))
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := t.printEvent(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (t *tool) printEvent(e eventJSON) error {
	if t.flags.json {
		return t.printLine(e)
	}
	_, err := fmt.Fprint(t.Stdout, e.line())
	return err
}

func namesOnly(categories []topics.Category) string {
	names := make([]string, len(categories))
	for i, c := range categories {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}
