// Command bench measures the Kafka store beside the limit, Sarama's producers and PostgreSQL. It
// says which of the goals are met. See package measure.
//
//	bench                                 everything, in about forty minutes
//	bench -quick                          everything, briefly: to see that it works
//	bench -cases append,hot -rounds 7     some cases
//	bench -cases transfer,transfer-ledger,transfer-hot,transfer-single
//	bench -cases command,command-many,command-single,command-length,command-first,command-refusal
//	bench -cases append -profile /tmp/p   with profiles of this store
//
// It needs what package kafkatest needs, and initdb and postgres of PostgreSQL on the PATH. The
// exit code is
//   - 1 if a goal is not met;
//   - 2 if something could not be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/fencelog/fencelog/kafka/bench/internal/measure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	cfg := measure.Config{Progress: os.Stderr}
	var usage strings.Builder
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(&usage)
	cases := flags.String("cases", "", "some of "+strings.Join(measure.Cases(), ",")+" (default: all)")
	flags.IntVar(&cfg.Rounds, "rounds", 0, fmt.Sprintf("turns of each contender (default: %d, or %d with -quick)",
		measure.DefaultRounds, measure.DefaultQuickRounds))
	flags.IntVar(&cfg.Events, "events", 0,
		fmt.Sprintf("in the longest topic (default: %d, or %d with -quick)", measure.DefaultEvents,
			measure.DefaultQuickEvents))
	flags.BoolVar(&cfg.Quick, "quick", false, "short turns and small topics: to see that it works, not for the figures")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "of the events and of the streams that are read")
	flags.StringVar(&cfg.Kafka, "kafka", "", "version of the brokers (default: kafkatest's)")
	flags.StringVar(&cfg.ProfileDir, "profile", "", "folder for profiles of this store (default: none)")
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
	if *cases != "" {
		cfg.Cases = strings.Split(*cases, ",")
	}
	report, err := measure.Run(ctx, cfg)
	if report != nil {
		report.Print(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if !report.Met() {
		return 1
	}
	return 0
}
