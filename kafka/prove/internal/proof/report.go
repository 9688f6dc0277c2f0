package proof

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/damage"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Report is what a proof found.
type Report struct {
	Kafka    string // version of the brokers
	Seed     uint64
	Duration time.Duration // of the work under faults
	Sharing  bool
	Prefixes int      // of transactional ids among the processes
	Broken   []string // rules that the store was made to break

	// Exact is how many conflicts and reads came from a store that certainly owned the partition.
	// They had to be linearizable.
	Exact int64
	// Outdated conflicts and reads came from the past, from stores that had been overtaken.
	OutdatedConflicts, OutdatedReads int64

	Operations, Appended, Repeated, Conflicts, NotAppended, Unknown, Reads, FailedReads int64
	// of Appended and Repeated, how many were in lists with those of other clients
	Listed int64
	// of Unknown, how many the log holds
	UnknownStored int64
	// of Appended and Refusals, how many were decided on events that were not stored yet
	Early int64

	// RefusalsAsked is how many refusals were asked for. Refusals of them were answered, and had to
	// be exact. RefusalsUnavailable of them were not.
	RefusalsAsked, Refusals, RefusalsUnavailable int64

	Bank BankReport

	Streams, Records, Markers, Strays int
	// of claims, and barriers, at least; 0 if the processes share the partitions or have several
	// prefixes
	Renewals                  int
	Takeovers, FailedOpenings int64
	Stopped                   int64 // times that a partition stopped for another reason than a takeover
	Faults                    map[string]int
	Missing                   []string // kinds of faults that were required and never injected

	Violations []history.Violation
	// streams with whose histories the checker did not finish: nothing is proved of them
	Undecided   []history.Violation
	Damage      *damage.Report // of faults that hurt the log itself; then the report has little else
	CaughtAfter time.Duration  // from the start of the work to the first violation
	Dir         string         // where the logs of the processes are, if they were kept
}

// progressEvery is the time between two lines of progress.
const progressEvery = 5 * time.Second

// tell prints a line now and then.
func (r *run) tell(ctx context.Context) {
	for clock.Wait(ctx, progressEvery) == nil {
		_, faults := r.count.allFaults()
		records, _ := r.size()
		fmt.Fprintf(r.cfg.Progress, "prove: %4.0f s  %7d operations  %7d appended  %5d unknown  %6d of banks  "+
			"%4d takeovers  %4d faults  %7d records  %4d streams and banks judged  %d violations\n",
			time.Since(r.begun).Seconds(), r.count.begun.Load(), r.count.appended.Load(),
			r.count.unknown.Load()+r.count.unanswered(), r.count.orders.Load(),
			r.count.openings.Load(), faults, records, r.count.checked.Load(), r.verdict.number())
	}
}

func (r *run) report() *Report {
	c := &r.count
	records, markers := r.size()
	faults, _ := c.allFaults()
	rep := &Report{
		Kafka: r.cfg.Kafka, Seed: r.cfg.Seed, Duration: r.worked.Round(time.Second),
		Sharing: r.cfg.Sharing, Prefixes: r.cfg.Prefixes, Broken: Names(r.cfg.Broken),
		Operations: c.begun.Load(), Appended: c.appended.Load(), Repeated: c.repeated.Load(),
		Conflicts:   c.conflicts.Load(),
		NotAppended: c.notAppended.Load(), Unknown: c.unknown.Load() + c.unanswered(), Reads: c.reads.Load(),
		FailedReads: c.failedReads.Load(),
		Refusals:    c.refusals.Load(),
		Early:       c.early.Load(), Listed: c.listed.Load(), Streams: len(r.rec.Streams()),
		Records: records, Markers: markers, Strays: len(r.strays()), Bank: r.bankReport(),
		Takeovers: c.openings.Load(), FailedOpenings: c.failedOpenings.Load(), Stopped: c.stopped.Load(),
		Faults: faults, Missing: r.cfg.missing(faults), Violations: r.verdict.violations, Undecided: r.verdict.open(),
		CaughtAfter: r.verdict.first, Dir: r.cfg.Dir,
	}
	if !r.cfg.Sharing && r.cfg.Prefixes == 1 { // an opening claims each partition once
		rep.Renewals = max(0, markers-allPartitions*int(rep.Takeovers+rep.FailedOpenings))
	}
	owners := r.rec.Owners()
	for _, name := range r.rec.Streams() {
		ops := r.rec.Stream(name)
		for _, o := range history.FindOutdated(ops) {
			r.journal.note("outdated: %s, though before it was %s", &o.Answer, &o.Acknowledged)
			if o.Answer.Kind == history.Read {
				rep.OutdatedReads++
			} else {
				rep.OutdatedConflicts++
			}
		}
		stored := make(map[int64]bool)
		partition := int32(-1)
		for _, rec := range r.log.Stream(name) {
			partition = rec.Partition
			stored[history.OpOf(rec.Event)] = true
		}
		for _, op := range ops {
			if op.Kind == history.Refusal {
				rep.RefusalsAsked++
			}
			asked := op.Outcome == history.Conflict || op.Outcome == history.Answered && op.Kind == history.Read
			if asked && owners.Owned(op.Store, partition, op.Return) {
				rep.Exact++
			}
			if op.Kind == history.Append && op.Outcome == history.Unknown && stored[op.ID] {
				rep.UnknownStored++
			}
		}
	}
	rep.RefusalsUnavailable = rep.RefusalsAsked - rep.Refusals
	return rep
}

// maxPrinted bounds the violations that Print prints.
const maxPrinted = 20

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	if r.Damage != nil {
		r.Damage.Print(w)
		return
	}
	line := func(name string, n any, remark string) { fmt.Fprintf(w, "  %-44s %9v  %s\n", name, n, remark) }
	how := "that take the partitions from each other"
	if r.Sharing {
		how = "that share the partitions"
	}
	if r.Prefixes > 1 {
		how += fmt.Sprintf(", with %d prefixes of transactional ids", r.Prefixes)
	}
	fmt.Fprintf(w, "\nProof on Kafka %s, seed %d, processes %s, %s of work under faults\n", r.Kafka, r.Seed, how,
		r.Duration)
	if len(r.Broken) > 0 {
		fmt.Fprintf(w, "The store was broken on purpose: %s\n", strings.Join(r.Broken, ", "))
	}
	fmt.Fprintf(w, "\nOperations\n")
	line("appended", r.Appended, "")
	line("answered with the first result of the command", r.Repeated, "")
	line("appended or answered so in lists", r.Listed, "with those of other clients, in one call")
	line("conflicts", r.Conflicts, "")
	line("not appended: not owner, closed, out of time", r.NotAppended, "")
	line("unknown", r.Unknown, fmt.Sprintf("of which the log holds %d", r.UnknownStored))
	line("reads", r.Reads, "")
	line("reads without an answer", r.FailedReads, "")
	line("refusals answered, each had to be exact", r.Refusals, fmt.Sprintf("of %d asked for", r.RefusalsAsked))
	line("refusals without an answer", r.RefusalsUnavailable, "not owner, closed, out of time")
	line("all", r.Operations, "")
	line("appended or refused on events not yet stored", r.Early, "and answered when they were")
	line("conflicts and reads that had to be exact", r.Exact, "their store certainly owned the partition")
	line("conflicts from the past", r.OutdatedConflicts, "of a store that was overtaken and did not know it yet")
	line("reads from the past", r.OutdatedReads, "of a store that was overtaken and did not know it yet")
	fmt.Fprintf(w, "\nThe banks\n")
	r.Bank.print(line)
	r.printFaults(w, line)
	fmt.Fprintf(w, "\nStores\n")
	line("opened, each a takeover of all partitions", r.Takeovers, "")
	line("openings that failed", r.FailedOpenings, "")
	line("partitions that stopped without a takeover", r.Stopped, "")
	fmt.Fprintf(w, "\nThe topics, read by an independent consumer\n")
	line("records", r.Records, "")
	line("markers", r.Markers, "")
	if !r.Sharing && r.Prefixes == 1 {
		line("of them of renewals and barriers, at least", r.Renewals, "")
	}
	line("records that do not count", r.Strays, "")
	line("streams compared with their histories", r.Streams, "")
	fmt.Fprintf(w, "\nViolations %42d\n", len(r.Violations))
	for i, v := range r.Violations {
		if i == maxPrinted {
			fmt.Fprintf(w, "  and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Fprintf(w, "  %s\n", v)
	}
	if len(r.Undecided) > 0 {
		fmt.Fprintf(w, "\nUndecided %43d  nothing is proved of these streams\n", len(r.Undecided))
		for _, v := range r.Undecided {
			fmt.Fprintf(w, "  %s\n", v)
		}
		fmt.Fprintf(w, "  their histories are in %s\n", r.Dir)
	}
	if len(r.Violations) > 0 {
		fmt.Fprintf(w, "  the first after %s; logs, faults and drawings are in %s\n",
			r.CaughtAfter.Round(time.Millisecond), r.Dir)
	}
}

func (r *Report) printFaults(w io.Writer, line func(name string, n any, remark string)) {
	fmt.Fprintf(w, "\nFaults\n")
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		line(kind, r.Faults[kind], "")
		total += r.Faults[kind]
	}
	for _, kind := range r.Missing {
		line(kind, 0, "NEVER INJECTED, though it was to be")
	}
	line("all", total, "")
}
