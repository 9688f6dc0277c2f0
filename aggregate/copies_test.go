package aggregate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// basket is a state as careless users write it: it keeps what its events refer to, and changes it.
type basket struct {
	Lines map[string]int
	Notes []string
	Tally *tally
}

type tally struct{ Sum int }

func (b basket) Clone() basket {
	b.Lines, b.Notes = maps.Clone(b.Lines), slices.Clone(b.Notes)
	if b.Tally != nil {
		b.Tally = &tally{Sum: b.Tally.Sum}
	}
	return b
}

type filled struct {
	Lines map[string]int
	Notes []string
	Tally *tally
}

func (filled) EventType() string { return "Filled" }

func (e filled) Apply(s *basket) {
	if s.Lines == nil {
		s.Lines, s.Notes, s.Tally = e.Lines, e.Notes, e.Tally
		return
	}
	for k, n := range e.Lines {
		s.Lines[k] += n
	}
	if len(s.Notes) > 0 && len(e.Notes) > 0 {
		s.Notes[0] += e.Notes[0]
	}
	s.Notes = append(s.Notes, e.Notes...)
	if s.Tally != nil && e.Tally != nil {
		s.Tally.Sum += e.Tally.Sum
	}
}

type basketEvent = aggregate.Event[basket]

func baskets() *aggregate.Type[basket] { return aggregate.NewType("Basket", filled{}) }

// spoil changes whatever an event refers to.
func (e filled) spoil() {
	for k := range e.Lines {
		e.Lines[k] += 1000
	}
	for i := range e.Notes {
		e.Notes[i] += " spoilt"
	}
	if e.Tally != nil {
		e.Tally.Sum += 1000
	}
}

func drawFilled(t *rapid.T, s basket) filled {
	e := filled{
		Lines: rapid.MapOfN(rapid.SampledFrom([]string{"apple", "pear"}), rapid.IntRange(1, 9), 1, 2).Draw(t, "lines"),
		Notes: append(make([]string, 0, 8),
			rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 2).Draw(t, "notes")...),
		Tally: &tally{Sum: rapid.IntRange(1, 9).Draw(t, "sum")},
	}
	if s.Lines != nil && rapid.Bool().Draw(t, "of the state's own") { // decide hands on what the state refers to
		e.Lines, e.Notes, e.Tally = s.Lines, s.Notes, s.Tally
	}
	return e
}

// TestRepositoryCopies updates and saves aggregates whose states, events and handlers share maps,
// slices and pointers.
func TestRepositoryCopies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inner, err := memory.New(memory.Config{Categories: []string{"Basket"}})
		require.NoError(t, err)
		var store eventstore.Store = inner
		tampering := &tampered{Store: inner}
		if rapid.Bool().Draw(t, "conflicts") {
			store = tampering
		}
		types, err := event.NewTypes(baskets().Events()...)
		require.NoError(t, err)
		bus := event.NewBus(types, event.BusConfig{Logger: slog.New(slog.DiscardHandler)})
		var published []string
		require.NoError(t, event.Subscribe(bus, func(_ context.Context, e event.Envelope[filled]) error {
			published = append(published, asJSON(t, e.Event))
			e.Event.spoil()
			return nil
		}))
		r, err := aggregate.NewRepository(t.Context(), baskets(), store, jsonCodec{}, aggregate.Config{Bus: bus})
		require.NoError(t, err)
		other, err := aggregate.NewRepository(t.Context(), baskets(), inner, jsonCodec{}, aggregate.Config{})
		require.NoError(t, err)

		var want, wantPublished []string
		root, err := r.Load(t.Context(), "b-1")
		require.NoError(t, err)
		for range rapid.IntRange(1, 5).Draw(t, "commits") {
			n := rapid.IntRange(1, 3).Draw(t, "events")
			var kept []basketEvent
			var decided []string
			decide := func(s basket) ([]basketEvent, error) {
				kept, decided = nil, nil
				for range n {
					kept = append(kept, drawFilled(t, s))
				}
				if rapid.Bool().Draw(t, "one event twice") {
					kept = append(kept, kept[0])
				}
				for _, e := range kept {
					decided = append(decided, asJSON(t, e))
				}
				return kept, nil
			}
			if rapid.Bool().Draw(t, "save") {
				root, err = r.Load(t.Context(), "b-1")
				require.NoError(t, err)
				tampering.before = nil
				apart, err := r.Load(t.Context(), "b-1") // as root's own state is read only
				require.NoError(t, err)
				events, err := decide(apart.State())
				require.NoError(t, err)
				// One after the other: each may change what those before it share with the state.
				for _, e := range events {
					require.NoError(t, root.Apply(e))
				}
				for _, e := range root.Uncommitted() {
					e.(filled).spoil()
				}
				require.NoError(t, errOf(r.Save(t.Context(), root)))
			} else {
				if tampering.tries%2 == 0 {
					tampering.before = func() { // once, another comes between
						tampering.before = nil
						e := filled{Lines: map[string]int{"plum": 1}, Notes: []string{"c"}, Tally: &tally{Sum: 1}}
						want = append(want, asJSON(t, e))
						_, err := other.Update(t.Context(), "b-1", func(basket) ([]basketEvent, error) {
							return []basketEvent{e}, nil
						})
						require.NoError(t, err)
					}
				}
				require.NoError(t, errOf(r.Update(t.Context(), "b-1", decide)))
			}
			want, wantPublished = append(want, decided...), append(wantPublished, decided...)
			for _, e := range kept { // the caller goes on with what it has
				e.(filled).spoil()
			}
			require.Equal(t, want, storedValues(t, inner))
			require.Equal(t, wantPublished, published)
			if root.Version() == int64(len(want)) {
				require.Equal(t, asJSON(t, folded(t, want)), asJSON(t, root.State()), "the saved root")
			}
			loaded, err := r.Load(t.Context(), "b-1")
			require.NoError(t, err)
			require.Equal(t, asJSON(t, folded(t, want)), asJSON(t, loaded.State()))
		}
	})
}

// folded is the state that events make if they share nothing.
func folded(t *rapid.T, values []string) basket {
	var s basket
	for _, value := range values {
		var e filled
		require.NoError(t, json.Unmarshal([]byte(value), &e))
		e.Apply(&s)
	}
	return s
}

func storedValues(t *rapid.T, store eventstore.Store) []string {
	var values []string
	for r, err := range store.ReadStream(t.Context(), eventstore.Stream{Category: "Basket", ID: "b-1"}, 1) {
		require.NoError(t, err)
		values = append(values, string(r.Value))
	}
	return values
}

func asJSON(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// TestUpdateUnreadableEvent cannot decode the events that it has encoded.
func TestUpdateUnreadableEvent(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	published := &recordedBus{}
	broken := fmt.Errorf("broken")
	r, err := aggregate.NewRepository(t.Context(), shops(), store, jsonCodec{decode: broken},
		aggregate.Config{Bus: published.bus(t)})
	require.NoError(t, err)
	_, err = r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}))
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "not stored, as what was encoded cannot be decoded")
	require.Empty(t, history(t, newRepository(t, store, aggregate.Config{}), "s-1"))
}
