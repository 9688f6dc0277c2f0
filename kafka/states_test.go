package kafka_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// instance is a store with a repository that keeps states in memory and takes snapshots.
type instance struct {
	*kafka.Store

	counters *aggregate.Repository[counted]

	mu    sync.Mutex
	loads map[aggregate.Source]int
}

func newInstance(t *testing.T, s *kafka.Store, every int64) *instance {
	t.Helper()
	i := &instance{Store: s, loads: make(map[aggregate.Source]int)}
	var err error
	counters := aggregate.NewType[counted](category, tick{})
	i.counters, err = aggregate.NewRepository(t.Context(), counters, s, plainCodec{},
		aggregate.Config{
			Snapshots: aggregate.Snapshots{Every: every},
			Cache:     aggregate.Cache{MaxBytes: 1_500}, // some of the states
			Hooks: aggregate.Hooks{
				Loaded: func(_ context.Context, l aggregate.Loaded) {
					i.mu.Lock()
					defer i.mu.Unlock()
					i.loads[l.From]++
				},
				SnapshotKept:    func(_ context.Context, k aggregate.SnapshotKept) { require.NoError(t, k.Err) },
				SnapshotDropped: func(_ context.Context, d aggregate.SnapshotDropped) { require.NoError(t, d.Err) },
			},
		})
	require.NoError(t, err)
	return i
}

// Two instances take the partitions from each other again and again, while callers update
// aggregates through both. Each event was decided on all events before it, whichever states an
// instance has kept of a time when it was the owner.
func TestStates_acrossTakeovers(t *testing.T) {
	t.Parallel()
	const callers, updates, aggregates, phases = 6, 25, 8, 4
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	_, cfg := fake(t)
	var claims atomic.Int64
	cfg.QuietTime = time.Millisecond // each takes back what the other has claimed
	cfg.Hooks.Claimed = func(kafka.Claim) { claims.Add(1) }
	all := []*instance{newInstance(t, open(t, cfg), 5), newInstance(t, open(t, cfg), 5)}
	next := func(c counted) ([]aggregate.Event[counted], error) {
		return []aggregate.Event[counted]{tick{Number: c.Number + 1}}, nil
	}
	updatesSoon := func(i *instance, id string) {
		t.Helper()
		require.Eventually(t, func() bool { return errOf(i.counters.Update(t.Context(), id, next)) == nil },
			time.Minute, time.Millisecond)
	}
	for phase := range phases { // in each of them another instance has the partitions
		updatesSoon(all[phase%2], "n-0")
		var group sync.WaitGroup
		for n := range callers {
			rng := rand.New(rand.NewPCG(seed, uint64(phase*callers+n)))
			group.Go(func() {
				for range updates {
					id := named("n", rng.IntN(aggregates))
					for {
						i := all[(phase+rng.IntN(8)/7)%2]
						_, err := i.counters.Update(t.Context(), id, next)
						if err == nil || errors.Is(err, eventstore.ErrOutcomeUnknown) { // it is stored, or it is not
							break
						}
						if !errors.Is(err, eventstore.ErrNotOwner) && !errors.Is(err, eventstore.ErrConflict) {
							t.Errorf("update %s: %v", id, err)
							return
						}
					}
				}
			})
		}
		group.Wait()
	}
	for _, i := range all { // whatever each has in memory, it decides on what is stored
		for n := range aggregates {
			updatesSoon(i, named("n", n))
		}
	}
	fresh := newInstance(t, open(t, cfg), 5)
	total := 0
	for n := range aggregates {
		number := 0
		for e, err := range fresh.counters.History(t.Context(), named("n", n), 1) {
			require.NoError(t, err)
			number++
			require.Equal(t, []aggregate.Event[counted]{tick{Number: number}}, e.Events)
		}
		total += number
	}
	require.GreaterOrEqual(t, total, phases*callers*updates/2)
	t.Logf("%d events, %d claims, loads %v and %v", total, claims.Load(), all[0].loads, all[1].loads)
	require.GreaterOrEqual(t, claims.Load(), int64(phases))
	for _, i := range all {
		require.Positive(t, i.loads[aggregate.FromCache])
		require.Positive(t, i.loads[aggregate.FromSnapshot])
	}
}

// The first command after a start begins with a snapshot, which has outlasted the process.
func TestStates_outlastTheProcess(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	cfg.IndexDir = t.TempDir()
	tickOnce := func(i *instance, want int) {
		t.Helper()
		_, err := i.counters.Update(t.Context(), "n", func(c counted) ([]aggregate.Event[counted], error) {
			require.Equal(t, want, c.Number)
			return []aggregate.Event[counted]{tick{Number: c.Number + 1}}, nil
		})
		require.NoError(t, err)
	}
	s := open(t, cfg)
	i := newInstance(t, s, 10)
	for n := range 35 {
		tickOnce(i, n)
	}
	require.NoError(t, s.Close())
	s = open(t, cfg)
	i = newInstance(t, s, 10)
	tickOnce(i, 35)
	require.Equal(t, map[aggregate.Source]int{aggregate.FromSnapshot: 1}, i.loads)
	require.NoError(t, s.Close())

	s = openReader(t, cfg) // a reader's loads begin with it, too
	i = newInstance(t, s, 10)
	root, err := i.counters.Load(t.Context(), "n")
	require.NoError(t, err)
	require.Equal(t, counted{36}, root.State())
	require.Equal(t, map[aggregate.Source]int{aggregate.FromSnapshot: 1}, i.loads)
}
