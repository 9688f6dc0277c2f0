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

// yes is a worker that opens whatever it is asked to.
const yes = `while read -r request; do id=${request#*:}; echo "{\"ID\":${id%%,*}}"; done`

// aRival returns one of a run that has nothing but it.
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

// Whoever waits for the end of a store learns of it, also where somebody else has the rival open
// another one amid the opening of the first: else the rival would never compete again.
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

// A process that is killed when it has opened its store, and before anybody knows, has none.
func TestAKilledProcessHasNoStore(t *testing.T) {
	t.Parallel()
	m := aRival(t, yes)
	require.NoError(t, m.start())
	p := m.running()
	m.kill()
	require.Nil(t, m.has(p, 7))
	require.Equal(t, noStore, m.storeNumber())
}
