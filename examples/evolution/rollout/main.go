package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/environment"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

const (
	tillType   = "Till"
	group      = "receipts"
	partitions = 4
)

// Till is the state.
type Till struct{ Cents int64 }

// files holds the schemas of release 1; those of release 2 are beside them.
//
//go:embed schemas
var files embed.FS

func main() {
	var usage strings.Builder
	flags := flag.NewFlagSet("rollout", flag.ContinueOnError)
	flags.SetOutput(&usage)
	claim := flags.Bool("claim", false, "take the partitions, to do what the input asks for")
	err := flags.Parse(os.Args[1:])
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		fmt.Fprintf(&usage, "rollout: %v\n", err)
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage.String())
		return
	case err != nil:
		fmt.Fprint(os.Stderr, usage.String())
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdin, os.Stdout, os.Stderr, *claim, os.Getenv); err != nil {
		fmt.Fprintf(os.Stderr, "rollout: %v\n", err)
		os.Exit(1)
	}
}

func run(
	ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, claim bool, getenv func(string) string,
) (err error) {
	cfg, err := environment.Read(getenv, topics.Category{Name: tillType, Partitions: partitions})
	if err != nil {
		return err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	cfg.SubscriptionSession, cfg.SubscriptionHeartbeat = 6*time.Second, 500*time.Millisecond
	schemas, err := registry.HTTPFromEnv(getenv, registry.HTTPConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, schemas.Close()) }()
	store, err := kafka.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	tills, err := repository(ctx, store, schemas, cfg.Topics.Prefix)
	if err != nil {
		return err
	}
	say := speaker{to: stdout}
	sub, err := store.Subscribe(ctx, subscription.Config{
		Group: group, Category: tillType, LongWait: time.Second,
		Retry: subscription.Retry{First: 50 * time.Millisecond, Longest: time.Second},
		Handler: tills.Handler(func(_ context.Context, e event.Stored[aggregate.Event[Till]]) error {
			say.line("handled %s %d %s", e.AggregateID, e.AggregateVersion, e.Type)
			return nil
		}),
	})
	if err != nil {
		return err
	}
	if claim {
		if err := store.Claim(ctx); err != nil {
			return err
		}
	}
	say.line("ready")
	return obey(ctx, stdin, &say, tills, sub)
}

// obey carries out the orders in the lines of the input.
func obey(
	ctx context.Context, stdin io.Reader, say *speaker,
	tills *aggregate.Repository[Till], sub subscription.Subscription,
) error {
	input := bufio.NewScanner(stdin)
	for input.Scan() {
		what, till, _ := strings.Cut(input.Text(), " ")
		decided, known := orders()[what]
		switch {
		case what == "stats":
			st := sub.Stats()
			say.line("stats partitions=%d lag=%d waiting=%d dead=%d", st.Partitions, st.Lag, st.Waiting,
				st.DeadLettered+st.Parked)
			continue
		case !known:
			return fmt.Errorf("%q: this release knows no such order", input.Text())
		}
		_, err := tills.Update(ctx, till, func(Till) ([]aggregate.Event[Till], error) {
			return []aggregate.Event[Till]{decided()}, nil
		})
		if err != nil {
			return err
		}
		say.line("done %s", input.Text())
	}
	return input.Err()
}

// repository registers the schemas of this release, as a deployment step does, and returns its
// tills.
func repository(
	ctx context.Context, store *kafka.Store, schemas registry.Registry, prefix string,
) (*aggregate.Repository[Till], error) {
	own, err := fs.Sub(files, folder)
	if err != nil {
		return nil, err
	}
	sources, cfg := schema.Sources{tillType: own}, schema.Config{Prefix: prefix}
	if _, err := registry.Register(ctx, schemas, sources, types().Stored(), cfg); err != nil {
		return nil, err
	}
	codec, err := schema.NewCodec(schemas, sources, cfg)
	if err != nil {
		return nil, err
	}
	return aggregate.NewRepository(ctx, types(), store, codec, aggregate.Config{})
}

// speaker writes lines, also at the same time.
type speaker struct {
	mu sync.Mutex
	to io.Writer
}

func (s *speaker) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.to, format+"\n", args...)
}
