package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := program(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2

	usage = "usage: evolution   (" + brokersVariable + " and " + registryVariable +
		" name a Kafka and a registry; without, all is in memory)\n"
)

// program runs the program and returns the exit code.
func program(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	if len(args) == 1 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		_, _ = io.WriteString(stdout, usage)
		return exitOK
	}
	if len(args) > 0 {
		_, _ = fmt.Fprintf(stderr, "evolution: found the argument %q, expected none\n%s", args[0], usage)
		return exitUsage
	}
	if err := run(ctx, stdout, stderr, getenv); err != nil {
		_, _ = fmt.Fprintf(stderr, "evolution: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// run deploys one release after the other, and makes each write and all read.
func run(ctx context.Context, stdout, stderr io.Writer, getenv func(string) string) (err error) {
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b, err := connect(ctx, getenv, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	note := "keep the change"
	payments := []aggregate.Event[Till]{
		paymentReceived1{Payer: "Ann", Euros: 5},
		paymentReceived2{Payer: "Bo", Euros: 7, Note: &note},
		paymentReceived3{Payer: "Cy", Euros: 8, Cents: 850},
	}
	till := "till-" + rand.Text()
	var running []*aggregate.Repository[Till]
	for i, r := range releases() {
		tills, err := r.deploy(ctx, b.store, b.schemas)
		if err == nil {
			err = b.claim(ctx) // once the release works
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		running = append(running, tills)
		_, err = tills.Update(ctx, till, func(Till) ([]aggregate.Event[Till], error) {
			return []aggregate.Event[Till]{payments[i]}, nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		fmt.Fprintf(stdout, "%s is deployed, and writes %s\n", r.name, revision(ctx, tills, till))
		if err := readAll(ctx, stdout, running, till); err != nil {
			return err
		}
	}
	return tryFourth(ctx, stdout, b.schemas)
}

// revision names the revision that was written last.
func revision(ctx context.Context, tills *aggregate.Repository[Till], till string) (name string) {
	for e, err := range tills.History(ctx, till, 1) {
		if err != nil {
			return err.Error()
		}
		name = fmt.Sprintf("%s, revision %d", e.Type, e.Revision)
	}
	return name
}

// readAll makes every release that runs read everything.
func readAll(ctx context.Context, stdout io.Writer, running []*aggregate.Repository[Till], till string) error {
	for i, tills := range running {
		root, err := tills.Load(ctx, till)
		if err != nil {
			return fmt.Errorf("%s: %w", releases()[i].name, err)
		}
		state := root.State()
		fmt.Fprintf(stdout, "    %s reads: %s; %s in the till\n", releases()[i].name,
			strings.Join(state.Payments, "; "), euros(state.Cents))
	}
	return nil
}

// tryFourth checks a release that drops the fields that the former ones read and makes another a text.
func tryFourth(ctx context.Context, stdout io.Writer, schemas registry.Registry) error {
	sources, err := release{files: "schemas/release4"}.sources()
	if err != nil {
		return err
	}
	_, err = registry.Check(ctx, schemas, sources, change.FullTransitive, schema.Config{Prefix: prefix})
	if !errors.Is(err, schema.ErrIncompatible) {
		return fmt.Errorf("the gate let a careless release 4 pass: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "release 4 is refused before it is deployed:\n%v\n", err)
	return err
}
