package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/kafkatest/progress"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
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

// options are what the program is called with.
type options struct {
	check  bool
	folder string
	level  change.Compatibility
	names  schema.Config // of the subjects
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	var o options
	flags := flag.NewFlagSet("register-schemas", flag.ContinueOnError)
	var usage strings.Builder
	flags.SetOutput(&usage)
	flags.BoolVar(&o.check, "check", false, "register nothing, only check")
	flags.StringVar(&o.folder, "folder", "", "the folder that is the registry, instead of "+registry.EnvURL)
	level := flags.String("compatibility", string(change.FullTransitive), "what a schema must keep to")
	err := flags.Parse(args)
	if err == nil {
		if o.level, err = change.ParseCompatibility(*level); err == nil && flags.NArg() > 0 {
			err = fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		}
		if err != nil {
			_, _ = fmt.Fprintf(&usage, "register-schemas: %v\n", err)
			flags.Usage()
		}
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage.String())
		return exitOK
	case err != nil:
		_, _ = io.WriteString(stderr, usage.String())
		return exitUsage
	}
	o.names.Prefix = cmp.Or(getenv(environment.TopicPrefix), billing.TopicPrefix)
	waiting := "waiting for the registry " + cmp.Or(o.folder, placeOf(getenv(registry.EnvURL)))
	over := progress.To(stderr).During(func() string { return waiting })
	err = deploy(ctx, o, stdout, getenv)
	over()
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "register-schemas: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// placeOf names the registry of a URL, without what may be a password.
func placeOf(schemas string) string {
	if u, err := url.Parse(schemas); err == nil && u.Host != "" {
		return u.Host
	}
	return "that " + registry.EnvURL + " names"
}

// deploy checks the schemas, and registers them if it shall.
func deploy(ctx context.Context, o options, stdout io.Writer, getenv func(string) string) (err error) {
	schemas, closeRegistry, err := open(o.folder, getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRegistry()) }()
	if o.check {
		if err := registry.CheckRelease(ctx, schemas, billing.Schemas(), o.level, o.names); err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "The schemas are released, and %s with all revisions.\n", o.level)
		return err
	}
	types := billing.Stored()
	done, err := registry.Deploy(ctx, schemas, billing.Schemas(), types, o.level, o.names)
	if err != nil {
		return err
	}
	const heading = "Event"
	width := len(heading)
	for _, t := range types {
		width = max(width, len(t.Name))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-*s  %8s  %10s  %s\n", width, heading, "Revision", "Id", "Subject")
	for i, t := range types {
		fmt.Fprintf(&text, "%-*s  %8d  %10d  %s\n", width, t.Name, done[i].Version, done[i].ID, done[i].Subject)
	}
	_, err = io.WriteString(stdout, text.String())
	return err
}

// open returns the registry in the folder, or else the one that the environment names.
func open(folder string, getenv func(string) string) (registry.Registry, func() error, error) {
	if folder != "" {
		f, err := registry.OpenFolder(folder)
		return f, func() error { return nil }, err
	}
	h, err := registry.HTTPFromEnv(getenv, registry.HTTPConfig{})
	if err != nil {
		return nil, nil, fmt.Errorf("%w; or name a folder with -folder", err)
	}
	return h, h.Close, nil
}
