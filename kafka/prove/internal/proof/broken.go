package proof

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Breakage is a way to break the store, and says what is needed to notice it.
type Breakage struct {
	Name   string
	Broken broken.Rules
	Faults Faults        // under which it shows
	Rules  []string      // that it breaks: one of them must catch it, or ruleAlarm; others show something else
	Bound  time.Duration // within which it must be caught

	Prefixes int // as in Config
}

// bound is far above the times that were measured. A run ends when the store is caught.
const bound = 10 * time.Minute

// Breakages returns the broken stores that a proof must catch.
func Breakages() []Breakage {
	all := append(ofOneStream(), ofSeveralStreams()...)
	for i := range all {
		all[i].Bound = bound
	}
	return all
}

// ofOneStream returns the broken stores that show also if each commit writes to one stream. The
// banks find most of them, too.
func ofOneStream() []Breakage {
	return []Breakage{
		{
			Name: "NoWitness", Broken: broken.Rules{NoWitness: true}, Faults: Faults{Forgetting: true},
			Rules: []string{history.RuleStored, bank.RuleStored},
		},
		{
			Name: "NoMarkerWait", Broken: broken.Rules{NoMarkerWait: true}, Faults: Faults{Workers: true},
			Rules: []string{ruleClean, history.RuleStored, bank.RuleStored},
		},
		{
			Name: "NoVersionCheck", Broken: broken.Rules{NoVersionCheck: true}, Faults: Faults{Workers: true},
			Rules: []string{
				history.RuleLinearizable, bank.RuleExpected, bank.RuleSum, bank.RuleBelow, bank.RulePair,
				bank.RuleFrozen,
			},
		},
		{
			Name: "FreshSequence", Broken: broken.Rules{FreshSequence: true}, Faults: Faults{Connections: true},
			Rules: []string{ruleClean, history.RuleStored, bank.RuleStored},
		},
		{
			Name: "CheckpointBeforeData", Broken: broken.Rules{CheckpointBeforeData: true},
			Faults: Faults{Crashes: true},
			Rules: []string{
				ruleClean, history.RuleStored, history.RulePrefix, history.RuleMonotone, bank.RuleStored,
				bank.RuleMoment, bank.RuleTorn,
			},
		},
		{
			Name: "ForgetCommands", Broken: broken.Rules{ForgetCommands: true},
			Faults: Faults{Workers: true, Connections: true},
			Rules: []string{
				history.RuleCommand, bank.RuleCommand, bank.RuleExpected, bank.RuleApplied, bank.RuleMoment,
			},
		},
		{
			Name: "KeepDecisions", Broken: broken.Rules{KeepDecisions: true}, Faults: Faults{Connections: true},
			Rules: []string{history.RulePrefix, history.RuleLinearizable, bank.RuleExpected},
		},
		{
			Name: "ReadsOnBroken", Broken: broken.Rules{ReadsOnBroken: true}, Faults: Faults{Connections: true},
			Rules: []string{history.RulePrefix, history.RuleLinearizable, bank.RuleExpected},
		},
		{
			Name: "NoProof", Broken: broken.Rules{NoProof: true}, Faults: Faults{Workers: true},
			Rules: []string{history.RuleRefusal, bank.RuleMoment},
		},
		{
			Name: "StaleProof", Broken: broken.Rules{StaleProof: true},
			Faults: Faults{Workers: true, Connections: true},
			Rules:  []string{history.RuleRefusal, bank.RuleMoment},
		},
		{
			Name: "TermsRevive", Broken: broken.Rules{TermsRevive: true}, Faults: Faults{Markers: true}, Prefixes: 2,
			Rules: []string{history.RuleStored, bank.RuleStored},
		},
	}
}

// ofSeveralStreams returns the broken stores that show only in banks.
func ofSeveralStreams() []Breakage {
	workers := Faults{Workers: true}
	return []Breakage{
		{
			Name: "ReadsUnchecked", Broken: broken.Rules{ReadsUnchecked: true}, Faults: workers,
			Rules: []string{bank.RuleExpected, bank.RulePair, bank.RuleFrozen},
		},
		{
			Name: "CommandsUnchecked", Broken: broken.Rules{CommandsUnchecked: true}, Faults: workers,
			Rules: []string{bank.RuleExpected},
		},
		{
			Name: "TornReads", Broken: broken.Rules{TornReads: true}, Faults: workers,
			Rules: []string{bank.RuleTorn, bank.RuleMoment},
		},
		{
			Name: "HalfCommits", Broken: broken.Rules{HalfCommits: true}, Faults: workers,
			Rules: []string{ruleClean, bank.RuleStored, bank.RuleTorn, bank.RuleMoment},
		},
		{
			Name: "DigestsIgnored", Broken: broken.Rules{DigestsIgnored: true}, Faults: workers,
			Rules: []string{bank.RuleCommand},
		},
		{
			Name: "TimesGoBack", Broken: broken.Rules{TimesGoBack: true}, Faults: workers,
			Rules: []string{ruleTimes},
		},
		{
			Name: "KeysUnchecked", Broken: broken.Rules{KeysUnchecked: true}, Faults: workers,
			Rules: []string{bank.RuleKey},
		},
	}
}

// Caught returns the first of the violations that the breakage explains. Any breakage explains that
// a process of the proof met what no sound store yields, and often nothing was judged by then.
func (b Breakage) Caught(found []history.Violation) (history.Violation, bool) {
	i := slices.IndexFunc(found, func(v history.Violation) bool {
		return v.Rule == ruleAlarm || slices.Contains(b.Rules, v.Rule)
	})
	if i < 0 {
		return history.Violation{}, false
	}
	return found[i], true
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

// Names returns the names of the breakages that break exactly these rules.
func Names(b broken.Rules) []string {
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
	return fmt.Sprintf("a store with %s was not caught within %s: the proof proves too little", e.Breakage.Name,
		e.Breakage.Bound)
}

// FalseAlarmError says that the proof of a broken store found something that the breakage does not
// explain.
type FalseAlarmError struct {
	Breakage Breakage
	Report   *Report
}

// Error names the broken store, what was found and what was expected.
func (e *FalseAlarmError) Error() string {
	return fmt.Sprintf("a store with %s was to break one of the rules %q; what was found is something else: %s; see %s",
		e.Breakage.Name, append([]string{ruleAlarm}, e.Breakage.Rules...), e.Report.Violations[0], e.Report.Dir)
}

// Catch runs the broken store until the proof catches it. Catch fails
//   - with a *[NotCaughtError] if the proof finds nothing within the breakage's bound;
//   - with a *[FalseAlarmError] if the proof finds only violations that the breakage does not
//     explain.
func Catch(ctx context.Context, cfg Config, b Breakage) (*Report, error) {
	cfg.Broken, cfg.Faults, cfg.Prefixes, cfg.Duration, cfg.UntilCaught = b.Broken, b.Faults, b.Prefixes, b.Bound, true
	temporary := cfg.Dir == ""
	if !temporary {
		cfg.Dir = filepath.Join(cfg.Dir, b.Name)
	}
	report, err := Run(ctx, cfg)
	if err != nil {
		return report, err
	}
	if len(report.Violations) == 0 {
		return report, &NotCaughtError{Breakage: b, Report: report}
	}
	if _, caught := b.Caught(report.Violations); !caught {
		return report, &FalseAlarmError{Breakage: b, Report: report}
	}
	if temporary { // the violations were expected
		return report, os.RemoveAll(report.Dir)
	}
	return report, nil
}
