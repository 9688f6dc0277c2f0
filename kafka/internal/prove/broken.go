package prove

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fencelog/fencelog/kafka/internal/hooks"
)

// Breakage is a way to break the store, and what it takes to notice.
type Breakage struct {
	Name   string
	Broken hooks.Broken
	Faults Faults        // under which it shows
	Bound  time.Duration // within which it must be caught
}

// Breakages returns the broken stores that a proof must catch.
func Breakages() []Breakage {
	return []Breakage{
		{"NoWitness", hooks.Broken{NoWitness: true}, Faults{Forgetting: true}, 3 * time.Minute},
		{"NoMarkerWait", hooks.Broken{NoMarkerWait: true}, Faults{Workers: true}, 3 * time.Minute},
		{"NoVersionCheck", hooks.Broken{NoVersionCheck: true}, Faults{Workers: true}, 3 * time.Minute},
		{"FreshSequence", hooks.Broken{FreshSequence: true}, Faults{Connections: true}, 3 * time.Minute},
		{"CheckpointBeforeData", hooks.Broken{CheckpointBeforeData: true}, Faults{Crashes: true}, 3 * time.Minute},
		{"ForgetCommands", hooks.Broken{ForgetCommands: true}, Faults{Workers: true, Connections: true}, 3 * time.Minute},
	}
}

// BreakageOf returns the breakage of that name.
func BreakageOf(name string) (Breakage, error) {
	for _, b := range Breakages() {
		if b.Name == name {
			return b, nil
		}
	}
	return Breakage{}, fmt.Errorf("there is no broken store %q", name)
}

// Names returns the names of what is broken.
func Names(b hooks.Broken) []string {
	var names []string
	for _, known := range Breakages() {
		if known.Broken == b {
			names = append(names, known.Name)
		}
	}
	return names
}

// NotCaughtError says that a broken store passed the proof.
type NotCaughtError struct {
	Breakage Breakage
	Report   *Report
}

// Error names the broken store.
func (e *NotCaughtError) Error() string {
	return fmt.Sprintf("a store with %s was not caught within %s: the proof proves too little", e.Breakage.Name, e.Breakage.Bound)
}

// Catch runs the broken store until it is caught; if it is not, within the breakage's bound, the error is a *[NotCaughtError].
func Catch(ctx context.Context, cfg Config, b Breakage) (*Report, error) {
	cfg.Broken, cfg.Faults, cfg.Duration, cfg.UntilCaught = b.Broken, b.Faults, b.Bound, true
	temporary := cfg.Dir == ""
	if !temporary {
		cfg.Dir = filepath.Join(cfg.Dir, b.Name)
	}
	report, err := Run(ctx, cfg)
	switch {
	case err != nil:
		return report, err
	case len(report.Violations) == 0:
		return report, &NotCaughtError{Breakage: b, Report: report}
	case temporary: // what was found was expected
		return report, os.RemoveAll(report.Dir)
	}
	return report, nil
}
