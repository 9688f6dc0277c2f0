//go:build unix

package proof

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
)

// yes is a worker that opens every store that it is asked to open.
const yes = `while read -r request; do id=${request#*:}; echo "{\"ID\":${id%%,*}}"; done`

// aRival returns the only rival of a run.
func aRival(t *testing.T, worker string) *rival {
	t.Helper()
	begun := time.Now()
	r := &run{
		cfg: Config{Prefixes: 1, Dir: t.TempDir(), Command: []string{"/bin/sh", "-c", worker}},
		rec: history.NewRecorder(func() int64 { return int64(time.Since(begun)) }), started: make(chan struct{}),
	}
	var err error
	r.journal, err = openJournal(filepath.Join(r.cfg.Dir, "faults.log"), begun)
	require.NoError(t, err)
	t.Cleanup(r.journal.close)
	p, err := proxy.New(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	m := newRival(r, 0, p)
	t.Cleanup(m.kill)
	return m
}

// live waits for the end of the rival's store. It must learn of it also if somebody else makes the
// rival open another store meanwhile. Otherwise the rival would never compete again.
func TestAnOpeningEndsTheStoreBefore(t *testing.T) {
	t.Parallel()
	m := aRival(t, yes)
	first := m.open(t.Context())
	require.NotNil(t, first)
	second := m.open(t.Context())
	require.NotNil(t, second)
	<-first
	m.kill()
	<-second
}

// If a process has opened its store, and is killed before anybody knows, it has no store.
func TestAKilledProcessHasNoStore(t *testing.T) {
	t.Parallel()
	m := aRival(t, yes)
	require.NoError(t, m.start())
	p := m.running()
	m.kill()
	require.Nil(t, m.has(p, 7))
	require.Equal(t, noStore, m.storeNumber())
}
