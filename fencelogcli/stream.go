package fencelogcli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// stream returns the command that shows streams.
func (t *tool) stream() *cobra.Command {
	var at, from int64
	var indexDir string
	show := &cobra.Command{
		Use:   "show <category>/<id>",
		Short: "shows the events of one stream",
		Long: `
Each event has its version, type, time, place (partition:offset) and causes. Its fields
are decoded by the schema that it was written with, or are JSON.
The command reads the topic first; --index-dir keeps what it read for the next time.
It exits with 1 if there is no such event, or if one cannot be decoded.`,
		Example: strings.ReplaceAll(`  TOOL stream show Account/alice
  TOOL stream show Account/alice --at 3          # as it was at version 3
  TOOL stream show Account/alice --json | jq .   # a list of events`, "TOOL", t.Name),
		Args:              between(1, 1),
		ValidArgsFunction: t.completeCategories("/"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showStream(cmd.Context(), args[0], from, at, indexDir)
		},
	}
	show.Flags().Int64Var(&from, "from", 1, "the first `version` to show")
	show.Flags().Int64Var(&at, "at", 0, "the last `version` to show (default: the stream's)")
	t.readingFlags(show, &indexDir)
	t.jsonFlag(show, "print a list of events as JSON")
	return t.group("stream", "shows the events of one aggregate", "", show)
}

// readingFlags declares the flags of a command that shows events.
func (t *tool) readingFlags(cmd *cobra.Command, indexDir *string) {
	t.kafkaFlags(cmd)
	t.registryFlags(cmd)
	cmd.Flags().StringVar(indexDir, "index-dir", "",
		"`folder` that keeps the index, for this tool alone (default: none, in memory)")
	_ = cmd.MarkFlagDirname("index-dir")
}

// parseStream reads a category and an id.
func parseStream(text string) (eventstore.Stream, error) {
	category, id, ok := strings.Cut(text, "/")
	s := eventstore.Stream{Category: category, ID: id}
	if !ok {
		return s, usagef("found the stream %q, expected a category and an id, such as Account/alice", text)
	}
	if err := eventstore.CheckStream(s, eventstore.WholeID); err != nil {
		return s, &usageError{err}
	}
	return s, nil
}

func (t *tool) showStream(ctx context.Context, text string, from, at int64, indexDir string) (err error) {
	stream, err := parseStream(text)
	if err != nil {
		return err
	}
	if from < 1 || at < 0 || at != 0 && at < from {
		return usagef("found --from %d and --at %d, expected 1 or more, and --at not before --from", from, at)
	}
	categories, err := t.chosen()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(categories, func(c topics.Category) bool { return c.Name == stream.Category })
	if i < 0 {
		return usagef("found the category %q, expected one of %s", stream.Category, namesOf(categories))
	}
	store, err := t.openReader(ctx, indexDir, categories[i])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return t.printStream(ctx, store, stream, from, at)
}

// printStream prints the events as it reads them: a stream may be longer than memory.
func (t *tool) printStream(
	ctx context.Context, store *kafka.Store, stream eventstore.Stream, from, at int64,
) (err error) {
	decoder := t.values()
	defer func() { err = errors.Join(err, decoder.close()) }()
	list := t.list()
	last, undecoded := from-1, false
	for r, err := range store.ReadStream(ctx, stream, from) {
		if err != nil {
			return err
		}
		if at != 0 && r.AggregateVersion > at {
			break
		}
		e := eventOf(r, decoder.of(ctx, r.Value))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		undecoded = undecoded || e.Problem != ""
		last = r.AggregateVersion
		if err := list.add(e, e.block()); err != nil {
			return err
		}
	}
	if err := list.end(); err != nil {
		return err
	}
	switch {
	case last < from && from == 1:
		return fmt.Errorf("%s has no events", plain(stream.String()))
	case last < max(from, at):
		return fmt.Errorf("%s has no version %d", plain(stream.String()), max(from, at))
	case undecoded:
		return errFound
	}
	return nil
}
