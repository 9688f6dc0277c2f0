package fencelogcli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// topics returns the commands that look after topics.
func (t *tool) topics() *cobra.Command {
	create := &cobra.Command{
		Use:   "create",
		Short: "creates the topics that are missing, and shows all",
		Long: `
It is a deployment step that comes before the first service starts, and may be repeated.
It never changes a topic that exists. It exits with 1 if one is not as it must be.`,
		Example: "  " + t.Name + " topics create --json",
		Args:    between(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return t.showTopics(cmd.Context(), topics.Create) },
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "compares the topics with what they must be",
		Long: `
It changes nothing. It exits with 1 if a topic is missing, or not as it must be.`,
		Example: "  " + t.Name + " topics check",
		Args:    between(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return t.showTopics(cmd.Context(), topics.Check) },
	}
	for _, cmd := range []*cobra.Command{create, check} {
		t.kafkaFlags(cmd)
		t.jsonFlag(cmd, "print a list of topics as JSON")
	}
	return t.group("topics", "creates and checks the topics of events and dead letters", "", create, check)
}

// topicJSON is what --json says of a topic.
type topicJSON struct {
	Name        string           `json:"name"`
	Partitions  int32            `json:"partitions"`
	Status      string           `json:"status"` // created, exists, differs or missing
	Differences []differenceJSON `json:"differences,omitempty"`
}

type differenceJSON struct {
	Property string `json:"property"`
	Found    string `json:"found"`
	Want     string `json:"want"`
}

// topicsFunc is [topics.Create] or [topics.Check].
type topicsFunc func(context.Context, connection.Config, topics.Config) ([]topics.Status, error)

// showTopics creates or checks topics, and shows all, also where one could not be created.
func (t *tool) showTopics(ctx context.Context, do topicsFunc) error {
	cfg, err := t.kafkaOfAll()
	if err != nil {
		return err
	}
	over := t.waiting("waiting for the brokers")
	found, failed := do(ctx, cfg.Connection, cfg.Topics)
	over()
	if len(found) == 0 {
		return failed
	}
	all := make([]topicJSON, len(found))
	wrong := false
	for i, s := range found {
		all[i] = topicJSON{Name: s.Name, Partitions: s.Partitions, Status: statusOf(s)}
		for _, d := range s.Differences {
			all[i].Differences = append(all[i].Differences, differenceJSON(d))
		}
		wrong = wrong || !s.Exists || len(s.Differences) > 0
	}
	if t.flags.json {
		err = t.printJSON(all)
	} else {
		t.printTopics(all)
	}
	if err := errors.Join(failed, err); err != nil || !wrong {
		return err
	}
	return errFound
}

func statusOf(s topics.Status) string {
	switch {
	case s.Created:
		return "created"
	case !s.Exists:
		return "missing"
	case len(s.Differences) > 0:
		return "differs"
	}
	return "exists"
}

func (t *tool) printTopics(all []topicJSON) {
	width := len("Topic")
	for _, s := range all {
		width = max(width, len(s.Name))
	}
	row := func(name, partitions, status string) {
		fmt.Fprintf(t.Stdout, "%-*s  %10s  %s\n", width, name, partitions, status)
	}
	row("Topic", "Partitions", "Status")
	differs := false
	for _, s := range all {
		status := s.Status
		if len(s.Differences) > 0 {
			differs = true
			status += ":"
		}
		row(s.Name, strconv.Itoa(int(s.Partitions)), status)
		for _, d := range s.Differences {
			row("", "", topics.Difference(d).String())
		}
	}
	if differs {
		fmt.Fprint(t.Stdout, "\nNothing that exists was changed: set it right by hand, "+
			"or make the configuration say what the topic is.\n")
	}
}
