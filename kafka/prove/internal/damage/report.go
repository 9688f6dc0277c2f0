package damage

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Report is what the scenarios have shown.
type Report struct {
	Kafka      string
	Seed       uint64
	Scenarios  map[string]*Tally
	Violations []history.Violation
	Dir        string // where the logs of stores that broke a rule are
}

// Tally is what stores did in the rounds of a scenario. The keys of its counts are the kinds of
// stores.
type Tally struct {
	Rounds int
	Undone []string       // rounds that could not be played, and why
	Stores map[string]int // that were looked at
	Said   map[string]int // of them, those that said of a partition, or of the topic, that it is not as it must be
	Texts  map[string]bool
}

// The kinds of stores.
const (
	Live      = "open all the time"
	KeptIndex = "opened again, index kept"
	Empty     = "opened with an empty index"
)

func newReport(cfg Config) *Report {
	r := &Report{Kafka: cfg.Kafka, Seed: cfg.Seed, Dir: cfg.Dir, Scenarios: make(map[string]*Tally)}
	return r
}

func (v *view) kind() string {
	switch {
	case strings.HasSuffix(v.name, "index kept"):
		return KeptIndex
	case strings.HasPrefix(v.name, "empty index"):
		return Empty
	default:
		return Live
	}
}

// add notes a trial.
func (r *Report) add(t *trial, undone error) {
	tally := r.Scenarios[t.scenario.name]
	if tally == nil {
		tally = &Tally{Stores: make(map[string]int), Said: make(map[string]int), Texts: make(map[string]bool)}
		r.Scenarios[t.scenario.name] = tally
	}
	r.Violations = append(r.Violations, t.found...)
	if undone != nil {
		tally.Undone = append(tally.Undone, undone.Error())
		return
	}
	tally.Rounds++
	for _, v := range t.all {
		if !v.looked {
			continue
		}
		tally.Stores[v.kind()]++
		if len(v.said) > 0 {
			tally.Said[v.kind()]++
		}
		for _, text := range v.said {
			tally.Texts[text] = true
		}
	}
}

// Unplayed returns the scenarios that were tried and could never be played. They prove nothing.
func (r *Report) Unplayed() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.Scenarios)) {
		if r.Scenarios[name].Rounds == 0 {
			names = append(names, name)
		}
	}
	return names
}

// maxTexts bounds the printed texts that stores said in a scenario.
const maxTexts = 3

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "\nFaults that hurt the log itself, on Kafka %s, seed %d\n", r.Kafka, r.Seed)
	fmt.Fprintf(w, "  %-22s %6s %28s %28s %28s\n", "", "rounds", Live, KeptIndex, Empty)
	for _, name := range slices.Sorted(maps.Keys(r.Scenarios)) {
		tally := r.Scenarios[name]
		fmt.Fprintf(w, "  %-22s %6d", name, tally.Rounds)
		for _, kind := range []string{Live, KeptIndex, Empty} {
			fmt.Fprintf(w, " %28s", fmt.Sprintf("%d of %d said so", tally.Said[kind], tally.Stores[kind]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nWhat they said\n")
	for _, name := range slices.Sorted(maps.Keys(r.Scenarios)) {
		tally := r.Scenarios[name]
		for i, text := range slices.Sorted(maps.Keys(tally.Texts)) {
			if i == maxTexts {
				break
			}
			fmt.Fprintf(w, "  %-22s %s\n", name, text)
		}
		for _, why := range tally.Undone {
			fmt.Fprintf(w, "  %-22s NOT PLAYED: %s\n", name, why)
		}
	}
	if names := r.Unplayed(); len(names) > 0 {
		fmt.Fprintf(w, "\nNever played, and so not proved: %s\n", strings.Join(names, ", "))
	}
	fmt.Fprintf(w, "\nViolations of damaged logs %27d\n", len(r.Violations))
	for _, v := range r.Violations {
		fmt.Fprintf(w, "  %s\n", v)
	}
	if len(r.Violations) > 0 {
		fmt.Fprintf(w, "  the logs of the stores are in %s\n", r.Dir)
	}
}
