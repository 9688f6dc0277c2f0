package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// watched keeps what the hooks of a repository were told.
type watched struct {
	mu      sync.Mutex
	loads   []aggregate.Loaded
	evicted int
}

func (w *watched) hooks() aggregate.Hooks {
	return aggregate.Hooks{
		Loaded: func(_ context.Context, l aggregate.Loaded) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.loads = append(w.loads, l)
		},
		Evicted: func(e aggregate.Evicted) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.evicted += e.States
		},
	}
}

// last returns the last load, and whether its duration is set.
func (w *watched) last(t *testing.T) aggregate.Loaded {
	t.Helper()
	require.NotEmpty(t, w.loads)
	l := w.loads[len(w.loads)-1]
	require.GreaterOrEqual(t, l.Duration.Nanoseconds(), int64(0))
	l.Duration = 0
	return l
}

// A load reads what has come since the last one, and no more. That is nothing after an own commit.
func TestLoadReadsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	store := &tampered{Store: newStore(t)}
	reads := 0
	store.read = func(*eventstore.Record) { reads++ }
	var w watched
	r := newRepository(t, store, aggregate.Config{Hooks: w.hooks()})
	other := newRepository(t, store.Store, aggregate.Config{})
	stream := eventstore.Stream{Category: "Shop", ID: "s-1"}
	loaded := func(from aggregate.Source, folded, version int64) {
		t.Helper()
		want := aggregate.Loaded{Stream: stream, From: from, Folded: folded, Version: version}
		require.Equal(t, want, w.last(t))
		require.EqualValues(t, folded, reads)
		reads = 0
	}
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}, stocked{Count: 1}))))
	loaded(aggregate.FromStart, 0, 0)
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(stocked{Count: 2}))))
	loaded(aggregate.FromCache, 0, 2)
	require.NoError(t, errOf(other.Update(t.Context(), "s-1", decides(stocked{Count: 4}, stocked{Count: 8}))))
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides())))
	loaded(aggregate.FromCache, 2, 5)
	root, err := r.Load(t.Context(), "s-1")
	require.NoError(t, err)
	loaded(aggregate.FromCache, 0, 5)
	require.Equal(t, shop{Owner: "ada", Stock: 15}, root.State())
	require.NoError(t, root.Apply(stocked{Count: 16}))
	require.NoError(t, errOf(r.Save(t.Context(), root)))
	root, err = r.Load(t.Context(), "s-1")
	require.NoError(t, err)
	loaded(aggregate.FromCache, 1, 6)
	require.Equal(t, shop{Owner: "ada", Stock: 31}, root.State())

	fresh := newRepository(t, store, aggregate.Config{Hooks: w.hooks(), Cache: aggregate.Cache{Off: true}})
	for range 2 {
		root, err = fresh.Load(t.Context(), "s-1")
		require.NoError(t, err)
		loaded(aggregate.FromStart, 6, 6)
		require.Equal(t, shop{Owner: "ada", Stock: 31}, root.State())
	}
	require.Equal(t, aggregate.Cached{}, fresh.Cached())
	require.Equal(t, 1, r.Cached().States)
	require.Equal(t, aggregate.DefaultCacheBytes, r.Cached().MaxBytes)
}

// A refused decision leaves the state that it was made on.
func TestRefusalKeepsTheState(t *testing.T) {
	t.Parallel()
	var w watched
	store := newStore(t)
	require.NoError(t, errOf(newRepository(t, store, aggregate.Config{}).Update(t.Context(), "s-1",
		decides(opened{Owner: "ada"}, stocked{Count: 1}))))
	r := newRepository(t, store, aggregate.Config{Hooks: w.hooks()})
	no := errors.New("no")
	for range 2 {
		_, err := r.Update(t.Context(), "s-1", func(s shop) ([]shopEvent, error) {
			require.Equal(t, shop{Owner: "ada", Stock: 1}, s)
			return nil, no
		})
		require.ErrorIs(t, err, no)
	}
	require.Equal(t, aggregate.FromCache, w.last(t).From)
	require.Zero(t, w.last(t).Folded)
}

// The cache stays within its bounds, and says what it drops. Later loads read that again.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const maxBytes = 8_000
	var w watched
	r := newRepository(t, newStore(t), aggregate.Config{
		Hooks: w.hooks(), Cache: aggregate.Cache{MaxBytes: maxBytes},
	})
	for round := range 3 {
		for i := range 100 {
			id := fmt.Sprint("s-", i)
			_, err := r.Update(t.Context(), id, func(s shop) ([]shopEvent, error) {
				require.Equal(t, round, s.Stock)
				return []shopEvent{stocked{Count: 1}}, nil
			})
			require.NoError(t, err)
			c := r.Cached()
			require.LessOrEqual(t, c.Bytes, maxBytes)
			require.Equal(t, maxBytes, c.MaxBytes)
			require.Positive(t, c.States)
		}
	}
	require.Greater(t, w.evicted, 200)
	// One state that is larger than the cache.
	require.NoError(t, errOf(r.Update(t.Context(), "large", decides(opened{Owner: strings.Repeat("x", maxBytes)}))))
	require.Positive(t, r.Cached().States)
	root, err := r.Load(t.Context(), "large")
	require.NoError(t, err)
	require.Len(t, root.State().Owner, maxBytes)
}

// keepsAll has a state that copies would share.
type keepsAll struct{ Seen []string }

type seen struct{ Name string }

func (seen) EventType() string       { return "Seen" }
func (e seen) Apply(state *keepsAll) { state.Seen = append(state.Seen, e.Name) }

func TestCacheMistakes(t *testing.T) {
	t.Parallel()
	store, err := memory.New(memory.Config{Categories: []string{"Shop"}})
	require.NoError(t, err)
	keeps := aggregate.NewType("Shop", seen{})
	_, err = aggregate.NewRepository(t.Context(), keeps, store, jsonCodec{}, aggregate.Config{
		Cache: aggregate.Cache{MaxBytes: -1}, MaxAttempts: -1,
	})
	require.ErrorContains(t, err, "Cache.MaxBytes is -1, expected 1 or more, or 0 for the default of 67108864")
	require.ErrorContains(t, err, "MaxAttempts is -1")
	require.ErrorContains(t, err, "states of type aggregate_test.keepsAll cannot be cached, because its field Seen is "+
		"of type []string: a copy would share what the slice refers to. Give aggregate_test.keepsAll a method "+
		"Clone() aggregate_test.keepsAll that copies it, or set Cache.Off")
	_, err = aggregate.NewRepository(t.Context(), keeps, store, jsonCodec{}, aggregate.Config{
		Cache: aggregate.Cache{Off: true},
	})
	require.NoError(t, err)
}

// poll has a state with a map, which is cloned for each who loads it.
type poll struct{ Votes map[string]int }

func (p poll) Clone() poll { return poll{Votes: maps.Clone(p.Votes)} }

type voted struct{ For string }

func (voted) EventType() string { return "Voted" }

func (e voted) Apply(p *poll) {
	if p.Votes == nil {
		p.Votes = make(map[string]int)
	}
	p.Votes[e.For]++
}

// A decision that is not pure changes its own copy of the state, and nobody else's.
func TestCacheOfClones(t *testing.T) {
	t.Parallel()
	r, err := aggregate.NewRepository(t.Context(), aggregate.NewType("Shop", voted{}), newStore(t), jsonCodec{},
		aggregate.Config{})
	require.NoError(t, err)
	for i := range 3 {
		_, err := r.Update(t.Context(), "s-1", func(s poll) ([]aggregate.Event[poll], error) {
			require.Equal(t, i, s.Votes["ada"])
			if i > 0 {
				s.Votes["ada"], s.Votes["bob"] = 100, 100
			}
			return []aggregate.Event[poll]{voted{For: "ada"}}, nil
		})
		require.NoError(t, err)
		root, err := r.Load(t.Context(), "s-1")
		require.NoError(t, err)
		require.Equal(t, map[string]int{"ada": i + 1}, root.State().Votes)
		root.State().Votes["ada"] = 100
	}
}

// Many callers update a few aggregates through one small cache. The outcome is as if they had come
// one after the other.
func TestCacheConcurrently(t *testing.T) {
	t.Parallel()
	const callers, updates, ids = 8, 50, 5
	r := newRepository(t, newStore(t), aggregate.Config{Cache: aggregate.Cache{MaxBytes: 1_000}, MaxAttempts: 1_000})
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := range updates {
				_, err := r.Update(t.Context(), fmt.Sprint("s-", i%ids), func(s shop) ([]shopEvent, error) {
					return []shopEvent{stocked{Count: s.Stock + 1}}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for i := range ids {
		stock := 0
		for _, e := range history(t, r, fmt.Sprint("s-", i)) {
			require.Equal(t, []shopEvent{stocked{Count: stock + 1}}, e.Events)
			stock += stock + 1
		}
		root, err := r.Load(t.Context(), fmt.Sprint("s-", i))
		require.NoError(t, err)
		require.Equal(t, stock, root.State().Stock)
		require.EqualValues(t, callers*updates/ids, root.Version())
	}
}
