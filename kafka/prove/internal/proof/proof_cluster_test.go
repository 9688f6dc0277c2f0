//go:build cluster

package proof_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/damage"
	"github.com/fencelog/fencelog/kafka/prove/internal/proof"
)

// shortProof is long enough for each kind of fault to occur, and short enough for continuous
// integration.
const shortProof = 30 * time.Second

func config(t *testing.T) proof.Config {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cfg := proof.Config{
		Dir: t.TempDir(), Command: []string{exe}, Env: workerEnv(), Duration: shortProof, Seed: rand.Uint64(),
		Progress: t.Output(),
	}
	t.Logf("seed %d", cfg.Seed)
	return cfg
}

// workerEnv makes this test binary a worker that ends at the first data race. Otherwise it would
// tell of races only when it ends by itself, and workers are killed.
func workerEnv() []string { return []string{envWorker + "=1", "GORACE=halt_on_error=1"} }

// sound runs a proof of the store as it is, and fails if anything was found.
func sound(t *testing.T, cfg proof.Config) *proof.Report {
	t.Helper()
	report, err := proof.Run(t.Context(), cfg)
	require.NoError(t, err)
	report.Print(t.Output())
	require.Empty(t, report.Missing, "faults of these kinds were to be injected")
	require.Empty(t, report.Violations)
	require.Empty(t, report.Undecided, "nothing is proved of these streams; is the machine too busy?")
	require.NotZero(t, report.Appended)
	b := &report.Bank
	for what, n := range map[string]int{
		"commits over several streams": b.Several, "refusals": b.Refusals, "audits": b.Audits, "views": b.Compared,
		"verified versions": b.Verified, "repetitions": b.Repeated, "reused commands": b.Reused,
		"commits to two banks": b.Invalid,
	} {
		require.NotZero(t, n, "there were no %s", what)
	}
	return report
}

// everyKind returns the kinds of faults that most runs inject, by the beginnings of their names.
func everyKind() []string { return []string{"broker", "process", "connections", "answer"} }

// The long version of this is the command prove.
func TestProof(t *testing.T) {
	cfg := config(t)
	cfg.Require = everyKind()
	report := sound(t, cfg)
	require.NotZero(t, report.Takeovers)
	require.NotZero(t, report.Exact)
	require.NotZero(t, report.Refusals)
	require.NotZero(t, report.Renewals)
}

// Some faults serve to catch stores that are broken on purpose. They do not catch a sound store. In
// one kind owners crash all the time, and in the other they sleep until the brokers have forgotten
// them.
func TestProofOfCrashesAndForgetting(t *testing.T) {
	for name, c := range map[string]struct {
		faults proof.Faults
		hit    string
	}{
		"crashes":    {proof.Faults{Crashes: true}, "process killed, owner"},
		"forgetting": {proof.Faults{Forgetting: true}, "owner asleep until forgotten"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			cfg.Faults, cfg.Require = c.faults, []string{c.hit}
			sound(t, cfg)
		})
	}
}

// The same as TestProof, but the processes are instances that share the partitions.
func TestProofOfSharing(t *testing.T) {
	cfg := config(t)
	cfg.Sharing, cfg.Require = true, everyKind()
	report := sound(t, cfg)
	require.NotZero(t, report.NotAppended, "nobody was sent to another instance")
}

// The processes have two prefixes of transactional ids, so no coordinator fences them. Only the log
// keeps them apart. It does so also if batches arrive behind a second marker of their term.
func TestProofOfTwoPrefixes(t *testing.T) {
	cfg := config(t)
	cfg.Prefixes, cfg.Faults = 2, proof.Faults{Workers: true, Markers: true}
	cfg.Require = []string{"marker doubled", "batch held back past a takeover"}
	sound(t, cfg)
}

// The rest takes a minute and a cluster for each. So a run of the tests draws some, and the command
// prove takes all.
const (
	damagedLogs  = 3
	brokenStores = 3
)

// some draws n.
func some[T any](t *testing.T, all []T, n int) []T {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("drawn with seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// The log itself is hurt.
func TestProofOfDamagedLogs(t *testing.T) {
	cfg := config(t)
	cfg.Faults, cfg.Damage = proof.Faults{Log: true}, some(t, damage.Names(), damagedLogs)
	report, err := proof.Run(t.Context(), cfg)
	require.NoError(t, err)
	report.Print(t.Output())
	require.Empty(t, report.Violations)
	for _, name := range cfg.Damage {
		require.Equal(t, 1, report.Damage.Scenarios[name].Rounds, "%s: %v", name, report.Damage.Scenarios[name].Undone)
	}
}

// Broken stores are caught: the proof can fail.
func TestBrokenStoresAreCaught(t *testing.T) {
	for _, b := range some(t, proof.Breakages(), brokenStores) {
		t.Run(b.Name, func(t *testing.T) {
			report, err := proof.Catch(t.Context(), config(t), b)
			require.NoError(t, err)
			by, _ := b.Caught(report.Violations)
			t.Logf("%s caught after %s: %s", b.Name, report.CaughtAfter, by)
		})
	}
}
