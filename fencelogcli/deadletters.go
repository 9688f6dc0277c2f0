package fencelogcli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka/deadletters"
)

// completionTime bounds how long a shell waits for the ids of dead letters.
const completionTime = 2 * time.Second

// deadLetters returns the commands that look after dead letters.
func (t *tool) deadLetters() *cobra.Command {
	list := t.lettersCommand("list [handler]", "lists what handlers have set aside, and why", between(0, 1),
		func(ctx context.Context, all subscription.DeadLetters, args []string) error {
			return t.listLetters(ctx, all, strings.Join(args, ""))
		})
	show := t.lettersCommand("show <id>", "shows the event of a dead letter, and what happened to it", withID(0),
		t.showLetter)
	redrive := t.lettersCommand("redrive <id> <reason>", "makes a handler try again", withID(1), t.redrive)
	redrive.Long = `
It asks the service that runs the handler to handle all letters of the key again, in
their order. The reason is kept in the topic. Mend the handler first.`
	discard := t.lettersCommand("discard <id> <reason>", "gives an event up for its handler", withID(1), t.discard)
	discard.Long = `
The handler is never called with the event again, and what waits behind it goes on.
The reason is kept in the topic.`
	t.jsonFlag(list, "print a list of dead letters as JSON")
	t.jsonFlag(show, "print the dead letter as JSON")
	t.registryFlags(show)
	list.Example = "  " + t.Name + " dead-letters list"
	for _, cmd := range []*cobra.Command{show, redrive, discard} {
		cmd.ValidArgsFunction = t.completeLetters
		reason := ""
		if cmd != show {
			reason = ` "the address is known now"`
		}
		cmd.Example = fmt.Sprintf("  %s dead-letters %s mailer/fencelog.account.events/4/17%s",
			t.Name, cmd.Name(), reason)
	}
	return t.group("dead-letters", "looks after events that handlers could not handle", `
An id is what list shows: handler/topic/partition/offset.`, list, show, redrive, discard)
}

// withID wants the id of a dead letter, and then a reason of some words or more.
func withID(words int) cobra.PositionalArgs {
	most := 1
	if words > 0 {
		most = math.MaxInt
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := between(1+words, most)(cmd, args); err != nil {
			return err
		}
		if _, err := subscription.ParseLetterID(args[0]); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// lettersCommand returns a command that opens the dead letters.
func (t *tool) lettersCommand(
	use, short string, args cobra.PositionalArgs, do func(context.Context, subscription.DeadLetters, []string) error,
) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		letters, err := t.openLetters(cmd.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, letters.Close()) }()
		defer t.waiting("reading dead letters")()
		return do(cmd.Context(), letters, args)
	}
	t.kafkaFlags(cmd)
	return cmd
}

func (t *tool) openLetters(ctx context.Context) (*deadletters.Topic, error) {
	cfg, err := t.kafkaOfAll()
	if err != nil {
		return nil, err
	}
	return deadletters.Open(ctx, cfg.Connection, cfg.Topics)
}

// completeLetters completes the id of a dead letter. It asks the brokers, for a moment.
func (t *tool) completeLetters(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	letters, err := t.openLetters(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = letters.Close() }()
	all, _ := letters.List(ctx, "")
	var ids []string
	for _, l := range all {
		ids = append(ids, l.ID.String()+"\t"+firstLine(l.Error))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// letterJSON is what --json says of a dead letter.
type letterJSON struct {
	ID          string `json:"id"`
	AggregateID string `json:"aggregateId"`
	Key         string `json:"key"`     // whose later events wait
	Waiting     bool   `json:"waiting"` // behind an earlier letter of its key
	Redrive     bool   `json:"redrive"` // it is to be handled again
	Error       string `json:"error,omitempty"`
	Attempts    int    `json:"attempts"`
	First       string `json:"firstAttempt,omitempty"`
	Last        string `json:"lastAttempt,omitempty"`
	At          string `json:"setAside"`
	SchemaID    int    `json:"schemaId,omitempty"`
}

func (t *tool) listLetters(ctx context.Context, letters subscription.DeadLetters, handler string) error {
	all, err := letters.List(ctx, handler)
	if err != nil {
		return err
	}
	if t.flags.json {
		list := make([]letterJSON, len(all))
		for i, l := range all {
			list[i] = letterJSON{
				ID: l.ID.String(), AggregateID: l.AggregateID, Key: l.Key, Waiting: l.Waiting, Redrive: l.Redrive,
				Error: l.Error, Attempts: l.Attempts, First: timeOf(l.First), Last: timeOf(l.Last), At: timeOf(l.At),
				SchemaID: l.SchemaID,
			}
		}
		return t.printJSON(list)
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(t.Stdout, "no dead letters")
		return err
	}
	rows := newTable(t.Stdout)
	rows.row("Id", "Aggregate", "Key", "Attempts", "Set aside", "Error")
	for _, l := range all {
		what := firstLine(l.Error)
		if l.Waiting {
			what = "(waits behind an earlier one)"
		}
		if l.Redrive {
			what += " (to be handled again)"
		}
		rows.row(plain(l.ID.String()), plain(l.AggregateID), plain(l.Key), strconv.Itoa(l.Attempts),
			l.At.UTC().Format(time.RFC3339), what)
	}
	return rows.end()
}

// letterShown is what --json says of one dead letter.
type letterShown struct {
	ID      string       `json:"id"`
	Event   eventJSON    `json:"record"`
	Headers []headerJSON `json:"headers"`
	Others  []partJSON   `json:"others"` // the other events of its commit
	Traces  []traceJSON  `json:"traces"`
}

type partJSON struct {
	Category         string `json:"category"`
	AggregateID      string `json:"aggregateId"`
	AggregateVersion int64  `json:"aggregateVersion"`
	Offset           int64  `json:"offset"`
	State            string `json:"state"`
}

type headerJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type traceJSON struct {
	At       string `json:"at"`
	What     string `json:"what"`
	Note     string `json:"note,omitempty"`
	Attempts int    `json:"attempts"`
}

func (t *tool) showLetter(ctx context.Context, letters subscription.DeadLetters, args []string) (err error) {
	id, err := subscription.ParseLetterID(args[0])
	if err != nil {
		return err
	}
	found, traces, err := letters.Show(ctx, id)
	if err != nil {
		return err
	}
	decoder := t.values()
	defer func() { err = errors.Join(err, decoder.close()) }()
	shown := letterShown{
		ID: id.String(), Event: eventOf(found.Record, decoder.of(ctx, found.Value)),
		Headers: []headerJSON{}, Others: []partJSON{}, Traces: []traceJSON{},
	}
	for _, h := range found.Headers {
		shown.Headers = append(shown.Headers, headerJSON{h.Name, string(h.Value)})
	}
	for _, o := range found.Others {
		shown.Others = append(shown.Others, partJSON{
			Category: o.Stream.Category, AggregateID: o.Stream.ID, AggregateVersion: o.Version, Offset: o.Offset,
			State: string(o.State),
		})
	}
	for _, tr := range traces {
		shown.Traces = append(shown.Traces, traceJSON{timeOf(tr.At), tr.What, tr.Note, tr.Attempts})
	}
	if t.flags.json {
		return t.printJSON(shown)
	}
	_, err = fmt.Fprint(t.Stdout, shown.text())
	return err
}

// text returns the event as a stream shows it, then what became of the others of its commit, and
// what happened to it.
func (l letterShown) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", plain(l.Event.Category+"/"+l.Event.AggregateID))
	if l.Event.EventType == "" { // its headers cannot be read as an event's
		for _, h := range l.Headers {
			fmt.Fprintf(&b, "header %s: %s\n", plain(h.Name), plain(h.Value))
		}
	}
	fmt.Fprintf(&b, "%s\n", l.Event.block())
	for _, o := range l.Others {
		fmt.Fprintf(&b, "of its commit: version %d of %s, at %d:%d: %s\n", o.AggregateVersion,
			plain(o.Category+"/"+o.AggregateID), l.Event.Partition, o.Offset, o.State)
	}
	for _, tr := range l.Traces {
		fmt.Fprintf(&b, "%s  %s after %d attempts: %s\n", tr.At, tr.What, tr.Attempts, firstLine(tr.Note))
	}
	return b.String()
}

func (t *tool) redrive(ctx context.Context, letters subscription.DeadLetters, args []string) error {
	const done = "will be handled again, with what waits behind it"
	return t.ask(args, done, func(id subscription.LetterID, reason string) error {
		return letters.Redrive(ctx, id, reason)
	})
}

func (t *tool) discard(ctx context.Context, letters subscription.DeadLetters, args []string) error {
	return t.ask(args, "is given up", func(id subscription.LetterID, reason string) error {
		return letters.Discard(ctx, id, reason)
	})
}

// ask does something with a letter, for a reason that may be several arguments.
func (t *tool) ask(args []string, done string, do func(subscription.LetterID, string) error) error {
	id, err := subscription.ParseLetterID(args[0])
	if err != nil {
		return err
	}
	if err := do(id, strings.Join(args[1:], " ")); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Stdout, plain(id.String()), done)
	return err
}
