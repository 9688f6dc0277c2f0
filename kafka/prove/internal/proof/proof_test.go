package proof_test

import (
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proof"
)

func TestRunReportsEveryMistakeInTheConfiguration(t *testing.T) {
	_, err := proof.Run(t.Context(), proof.Config{
		Duration: 1, Workers: 1, Clients: -1, Prefixes: 2, Sharing: true,
		Faults: proof.Faults{Log: true, Workers: true},
	})
	for _, want := range []string{
		"Command is empty", "Duration is 1ns", "Workers is 1", "Clients is -1", "Prefixes is 2",
		"Prefixes is 2 with Sharing", "Faults has Log",
	} {
		require.ErrorContains(t, err, want)
	}
}

// neverLooks is the one switch that breaks no rule. It makes a running process behave as a sleeping
// one, and the proof makes processes sleep.
const neverLooks = "NeverLooks"

// Each switch that breaks the store is in the list of broken stores to catch, by itself. PROOF.md
// says how many there are.
func TestEveryBreakageHasAName(t *testing.T) {
	require.Empty(t, proof.Names(broken.Rules{}))
	switches := reflect.TypeFor[broken.Rules]()
	for i := range switches.NumField() {
		var rules broken.Rules
		reflect.ValueOf(&rules).Elem().Field(i).SetBool(true)
		if name := switches.Field(i).Name; name == neverLooks {
			require.Empty(t, proof.Names(rules))
		} else {
			require.Equal(t, []string{name}, proof.Names(rules))
		}
	}
	require.Len(t, proof.Breakages(), switches.NumField()-1)
	page, err := os.ReadFile("../../../PROOF.md")
	require.NoError(t, err)
	require.Contains(t, string(page), fmt.Sprintf("breaks the store in %d ways", len(proof.Breakages())))
	for _, b := range proof.Breakages() {
		found, err := proof.BreakageOf(b.Name)
		require.NoError(t, err)
		require.Equal(t, b.Broken, found.Broken)
		require.Equal(t, []string{b.Name}, proof.Names(b.Broken))
		require.NotEmpty(t, b.Rules)
	}
	_, err = proof.BreakageOf("nothing")
	require.ErrorContains(t, err, "nothing")
}

// The violation that catches a broken store must be of a rule that the store breaks. Or a process
// says that it met what no sound store yields. If a process died, or the cluster did not come back,
// that catches nothing.
func TestABrokenStoreIsCaughtByItsRule(t *testing.T) {
	b, err := proof.BreakageOf("ForgetCommands")
	require.NoError(t, err)
	healed, lives := history.Violation{Rule: "everything works again after the faults"},
		history.Violation{Rule: "a process does not die by itself"}
	for _, mine := range []history.Violation{
		{Rule: history.RuleCommand}, {Rule: "the store finds nothing corrupt"},
	} {
		by, caught := b.Caught([]history.Violation{healed, mine, lives})
		require.True(t, caught)
		require.Equal(t, mine, by)
	}
	_, caught := b.Caught([]history.Violation{healed, lives, {Rule: history.RulePrefix}})
	require.False(t, caught)
}

// The parts of the whole proof have the whole time and a folder each.
func TestParts(t *testing.T) {
	parts := proof.Parts(proof.Config{Duration: 10 * time.Minute, Dir: "d"})
	var all time.Duration
	dirs := make(map[string]bool)
	for _, p := range parts {
		all += p.Duration
		dirs[p.Dir] = true
	}
	require.Len(t, dirs, len(parts))
	require.Equal(t, 10*time.Minute, all)
	require.Equal(t, 2, parts[1].Prefixes)
	require.Equal(t, proof.Faults{Log: true}, parts[2].Faults)
}

func TestParseFaults(t *testing.T) {
	found, err := proof.ParseFaults("crashes, forgetting")
	require.NoError(t, err)
	require.Equal(t, proof.Faults{Crashes: true, Forgetting: true}, found)
	for _, bad := range []string{"", "crashes,", "disks"} {
		_, err := proof.ParseFaults(bad)
		require.ErrorContains(t, err, "expected some of "+proof.FaultNames)
	}
}
