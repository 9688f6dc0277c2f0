package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka/doctor"
)

const (
	exitOK    = 0
	exitWrong = 1
	exitUsage = 2
)

// advertiseVariable is set for an instance of examples/billing that shares its work, which takes
// one permission more.
const advertiseVariable = "BILLING_ADVERTISE"

// limit bounds the whole examination.
const limit = 2 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	var usage strings.Builder
	flags.SetOutput(&usage)
	asJSON := flags.Bool("json", false, "print the findings as JSON")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("found the argument %q, expected none", flags.Arg(0))
		_, _ = fmt.Fprintln(&usage, err)
		flags.Usage()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage.String())
		return exitOK
	case err != nil:
		_, _ = io.WriteString(stderr, usage.String())
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	report := examine(ctx, stderr, getenv)
	write := report.text
	if *asJSON {
		write = report.json
	}
	if err := write(stdout); err != nil {
		fmt.Fprintf(stderr, "doctor: %v\n", err)
		return exitWrong
	}
	if report.count(doctor.Wrong) > 0 {
		return exitWrong
	}
	return exitOK
}

// report is all that was found.
type report struct {
	Findings []doctor.Finding `json:"findings"`
}

func examine(ctx context.Context, stderr io.Writer, getenv func(string) string) report {
	var r report
	cfg, err := billing.KafkaFromEnv(getenv)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			r.Findings = append(r.Findings, doctor.Finding{
				Check: "configuration", Verdict: doctor.Wrong, Found: line, Do: "set the variable; kafka/connection/SECURITY.md lists them",
			})
		}
	} else {
		cfg.Sharing.Advertise = getenv(advertiseVariable)
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})) // which brokers are waited for
		r.Findings = append(r.Findings, doctor.Finding{
			Check: "configuration", Verdict: doctor.OK, Found: "brokers " + strings.Join(cfg.Connection.Brokers, ", ") + "; " + cfg.Connection.Security.String(),
		})
		r.Findings = append(r.Findings, doctor.Diagnose(ctx, cfg)...)
	}
	r.Findings = append(r.Findings, checkRegistry(ctx, getenv, cmp.Or(cfg.Topics.Prefix, billing.TopicPrefix))...)
	return r
}

func (r report) count(v doctor.Verdict) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// text lays the findings out to be read: what is wrong stands at the left edge, how to mend it
// below.
func (r report) text(w io.Writer) error {
	var b strings.Builder
	for i, f := range r.Findings {
		name := f.Check
		if i > 0 && r.Findings[i-1].Check == name {
			name = ""
		}
		fmt.Fprintf(&b, "%-8s %-14s %s\n", f.Verdict, name, indent(f.Found))
		if f.Do != "" {
			fmt.Fprintf(&b, "%-8s %-14s   -> %s\n", "", "", indent(f.Do))
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d wrong, %d warnings, %d skipped\n", r.count(doctor.OK), r.count(doctor.Wrong),
		r.count(doctor.Warning), r.count(doctor.Skipped))
	_, err := io.WriteString(w, b.String())
	return err
}

// indent keeps further lines of a text in its column.
func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 24)) }

func (r report) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
