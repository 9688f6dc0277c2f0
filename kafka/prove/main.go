// Command prove runs the proof of the Kafka store. Processes compete for the same few streams and
// banks on three real brokers, while everything is killed, paused and cut off. Every answer is
// checked. See package proof.
//
//	prove -duration 10m -seed 42 -kafka 4.3.1    all parts: one prefix, two prefixes, damage to the log
//	prove -share                the processes share the partitions, as instances of a service do
//	prove -prefixes 2           the processes have two prefixes of transactional ids: the log alone keeps them apart
//	prove -faults forgetting    owners that sleep until the brokers have forgotten them; or crashes, or any others
//	prove -faults log           the log itself is hurt: disks put back, records compacted or deleted, a topic grown …
//	prove -broken NoWitness     a store that is broken on purpose: it must be caught
//	prove -broken all           each of them, one after the other
//	prove -judge stream-7.json  a history that a proof has kept, once more; or bank-7.json
//
// It needs what package kafkatest needs. The exit code is
//   - 1 if there is a violation, or if a broken store is not caught;
//   - 2 if the proof could not be run, if a history could not be judged, or if a required fault or
//     scenario did not happen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proof"
	"github.com/fencelog/fencelog/kafka/prove/internal/worker"
)

// workerArg makes this program a worker.
const workerArg = "worker"

func main() {
	if len(os.Args) == 2 && os.Args[1] == workerArg {
		logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if err := worker.Serve(context.Background(), os.Stdin, os.Stdout, logger); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	var cfg proof.Config
	var usage strings.Builder
	flags := flag.NewFlagSet("prove", flag.ContinueOnError)
	flags.SetOutput(&usage)
	flags.DurationVar(&cfg.Duration, "duration", proof.DefaultDuration, "how long to work under faults")
	flags.Uint64Var(&cfg.Seed, "seed", rand.Uint64(), "of all choices")
	flags.StringVar(&cfg.Kafka, "kafka", "", "version of the brokers")
	flags.IntVar(&cfg.Workers, "workers", proof.DefaultWorkers, "processes that compete")
	flags.IntVar(&cfg.Clients, "clients", proof.DefaultClients, "clients at a time")
	flags.StringVar(&cfg.Dir, "dir", "", "folder for logs and drawings (default: a temporary one, "+
		"kept if there are violations)")
	flags.BoolVar(&cfg.Sharing, "share", false, "the processes share the partitions, instead of "+
		"taking them from each other")
	flags.IntVar(&cfg.Prefixes, "prefixes", 0, "prefixes of transactional ids that the processes have between them")
	flags.Func("faults", "those to inject, of "+proof.FaultNames+"; default: the first four; not with -broken",
		func(text string) (err error) {
			cfg.Faults, err = proof.ParseFaults(text)
			return err
		})
	broken := flags.String("broken", "", "break the store in this way, or in all of them, one after the other")
	judge := flags.String("judge", "", "judge the history in this file once more, and do nothing else")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		fmt.Fprintln(&usage, err)
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(os.Stdout, usage.String())
		return 0
	case err != nil:
		fmt.Fprint(os.Stderr, usage.String())
		return 2
	}
	if *judge != "" {
		return judgeAgain(*judge)
	}
	exe, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	cfg.Command, cfg.Progress = []string{exe, workerArg}, os.Stderr
	switch *broken {
	case "":
		if !cfg.Sharing && cfg.Prefixes == 0 && cfg.Faults == (proof.Faults{}) {
			return whole(ctx, cfg)
		}
		return once(ctx, cfg)
	case "all":
		return catchAll(ctx, cfg, proof.Breakages())
	default:
		b, err := proof.BreakageOf(*broken)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		return catchAll(ctx, cfg, []proof.Breakage{b})
	}
}

func judgeAgain(path string) int {
	found, err := judged(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	for _, v := range found {
		fmt.Fprintln(os.Stdout, v)
	}
	violations := slices.DeleteFunc(slices.Clone(found), history.Violation.Undecided)
	fmt.Fprintln(os.Stdout, len(violations), "violations")
	switch {
	case len(violations) > 0:
		return 1
	case len(found) > 0:
		return 2
	}
	return 0
}

// judged judges the history of a stream or of a bank.
func judged(path string) ([]history.Violation, error) {
	h, ok, err := bank.Load(path)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return bank.Check(&h).Violations, nil
	}
	return history.CheckFile(path, path+".html")
}

// whole runs all parts of the proof, even if one of them has found something.
func whole(ctx context.Context, cfg proof.Config) (code int) {
	for _, part := range proof.Parts(cfg) {
		code = max(code, once(ctx, part))
	}
	return code
}

func once(ctx context.Context, cfg proof.Config) int {
	fmt.Fprintf(os.Stderr, "prove: seed %d\n", cfg.Seed)
	report, err := proof.Run(ctx, cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	report.Print(os.Stdout)
	switch {
	case len(report.Violations) > 0:
		return 1
	case len(report.Undecided) > 0, len(report.Missing) > 0, report.Damage != nil && len(report.Damage.Unplayed()) > 0:
		return 2
	}
	return 0
}

// catchAll runs each broken store until it is caught, and prints how long that took.
func catchAll(ctx context.Context, cfg proof.Config, all []proof.Breakage) int {
	code := 0
	for _, b := range all {
		report, err := proof.Catch(ctx, cfg, b)
		var escaped *proof.NotCaughtError
		var other *proof.FalseAlarmError
		switch {
		case errors.As(err, &escaped):
			code = max(code, 1)
			fmt.Fprintf(os.Stdout, "%-22s NOT CAUGHT within %s\n", b.Name, b.Bound)
		case errors.As(err, &other):
			code = max(code, 1)
			fmt.Fprintf(os.Stdout, "%-22s NOT CAUGHT: %v\n", b.Name, other)
		case err != nil:
			fmt.Fprintln(os.Stderr, err)
			return 2
		default:
			by, _ := b.Caught(report.Violations)
			fmt.Fprintf(os.Stdout, "%-22s caught after %6.1f s: %s\n", b.Name,
				report.CaughtAfter.Round(100*time.Millisecond).Seconds(), by)
		}
	}
	return code
}
