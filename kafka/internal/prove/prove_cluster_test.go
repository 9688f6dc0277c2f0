//go:build cluster

package prove_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/prove"
)

// shortProof is long enough for each kind of fault to occur, and short enough for continuous integration.
const shortProof = 30 * time.Second

func config(t *testing.T) prove.Config {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cfg := prove.Config{
		Dir: t.TempDir(), Command: []string{exe}, Env: []string{envWorker + "=1"}, Duration: shortProof, Seed: rand.Uint64(), Progress: t.Output(),
	}
	t.Logf("seed %d", cfg.Seed)
	return cfg
}

// The long version of this is the command prove.
func TestProof(t *testing.T) {
	report, err := prove.Run(t.Context(), config(t))
	require.NoError(t, err)
	report.Print(t.Output())
	require.Empty(t, report.Violations)
	require.NotZero(t, report.Appended)
	require.NotZero(t, report.Takeovers)
	require.NotZero(t, report.Exact)
}

// Each broken store is caught: the proof can fail.
func TestBrokenStoresAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("six clusters take three minutes; the command prove -broken all does the same")
	}
	for _, b := range prove.Breakages() {
		t.Run(b.Name, func(t *testing.T) {
			report, err := prove.Catch(t.Context(), config(t), b)
			require.NoError(t, err)
			t.Logf("%s caught after %s: %s", b.Name, report.CaughtAfter, report.Violations[0])
		})
	}
}
