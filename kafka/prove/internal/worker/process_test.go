package worker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/worker"
)

// If a process ends by itself, Died returns its last words, too, as the folder of the logs may be
// gone later.
func TestDiedTellsTheLastWords(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, []byte("of the one before\n"), 0o600))
	p, err := worker.Start([]string{"sh", "-c", "echo WARNING: DATA RACE >&2; exit 66"}, nil, log)
	require.NoError(t, err)
	for range p.Ask(worker.Request{Order: worker.Close}) { // the channel is closed when the process is gone
		t.Fatal("there is nobody to answer")
	}
	<-p.Gone()
	require.Contains(t, p.Died(), "exit status 66")
	require.Contains(t, p.Died(), "WARNING: DATA RACE")
	require.NotContains(t, p.Died(), "of the one before")
}

func TestDiedSaysNothingOfAKilledOne(t *testing.T) {
	p, err := worker.Start([]string{"sh", "-c", "exec cat"}, nil, filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	require.Empty(t, p.Died())
	p.Kill()
	require.Empty(t, p.Died())
}
