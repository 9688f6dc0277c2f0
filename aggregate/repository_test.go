package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

func TestLoadEmpty(t *testing.T) {
	t.Parallel()
	root, err := newRepository(t, newStore(t), aggregate.Config{}).Load(t.Context(), "s-1")
	require.NoError(t, err)
	require.Zero(t, root.Version())
	require.Zero(t, root.State())
}

func TestSaveThenLoad(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	root := r.Type().New("s-1")
	require.NoError(t, root.Apply(opened{Owner: "ada"}, stocked{Count: 2}))
	require.NoError(t, errOf(r.Save(t.Context(), root)))
	require.Equal(t, shop{Owner: "ada", Stock: 2}, root.State())
	require.Empty(t, root.Uncommitted())
	require.NoError(t, errOf(r.Save(t.Context(), root)), "nothing to save is no error")
	require.NoError(t, root.Apply(stocked{Count: 3}), "a saved root goes on")
	require.NoError(t, errOf(r.Save(t.Context(), root)))

	loaded, err := r.Load(t.Context(), "s-1")

	require.NoError(t, err)
	require.Equal(t, "s-1", loaded.ID())
	require.EqualValues(t, 3, loaded.Version())
	require.Equal(t, shop{Owner: "ada", Stock: 5}, loaded.State())
}

func TestSaveStaleRoot(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	stale := r.Type().New("s-1")
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}))))

	require.NoError(t, stale.Apply(stocked{Count: 1}))
	_, err := r.Save(t.Context(), stale)

	var conflict *eventstore.ConflictError
	require.ErrorAs(t, err, &conflict)
	require.EqualValues(t, 1, conflict.Actual)
	require.Len(t, stale.Uncommitted(), 1, "nothing was stored")
	require.Equal(t, []shopEvent{opened{Owner: "ada"}}, plain(history(t, r, "s-1")))
}

func TestUpdateState(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}, stocked{Count: 2}))))
	var seen shop
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", func(s shop) ([]shopEvent, error) {
		seen = s
		return []shopEvent{stocked{Count: 3}}, nil
	})))
	require.Equal(t, shop{Owner: "ada", Stock: 2}, seen)
	require.Equal(t, []shopEvent{opened{Owner: "ada"}, stocked{Count: 2}, stocked{Count: 3}},
		plain(history(t, r, "s-1")))
}

func TestUpdateRefusal(t *testing.T) {
	t.Parallel()
	store := &tampered{Store: newStore(t)}
	r := newRepository(t, store, aggregate.Config{})
	refused := errors.New("closed on sundays")

	_, err := r.Update(t.Context(), "s-1", func(shop) ([]shopEvent, error) { return []shopEvent{opened{}}, refused })
	require.Same(t, refused, err)
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides())), "nothing to do is no error")
	require.Zero(t, store.tries)
}

func TestUpdateUnnamedEvent(t *testing.T) {
	t.Parallel()
	store := &tampered{Store: newStore(t)}
	r := newRepository(t, store, aggregate.Config{})

	_, err := r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}, unnamed{}))

	var found *aggregate.UnnamedEventError
	require.ErrorAs(t, err, &found)
	require.ErrorIs(t, err, aggregate.ErrUnnamedEvent)
	require.Equal(t, "Unnamed", found.Name)
	require.ErrorContains(t, err, "update Shop/s-1: event aggregate_test.unnamed")
	require.Zero(t, store.tries)
}

func TestUpdateConflict(t *testing.T) {
	t.Parallel()
	const conflicts = 3
	inner := newStore(t)
	other := newRepository(t, inner, aggregate.Config{})
	store := &tampered{Store: inner}
	store.before = func() {
		if store.tries <= conflicts {
			require.NoError(t, errOf(other.Update(t.Context(), "s-1", decides(stocked{Count: 1}))))
		}
	}
	var seen []int
	_, err := newRepository(t, store, aggregate.Config{}).Update(t.Context(), "s-1", func(s shop) ([]shopEvent, error) {
		seen = append(seen, s.Stock)
		return []shopEvent{stocked{Count: 10 * s.Stock}}, nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3}, seen, "each time with the state of that moment")
	root, err := other.Load(t.Context(), "s-1")
	require.NoError(t, err)
	require.Equal(t, 33, root.State().Stock)
}

func TestUpdateMaxAttempts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ configured, tries int }{{0, aggregate.DefaultMaxAttempts}, {1, 1}, {3, 3}} {
		t.Run(fmt.Sprint(tt.configured), func(t *testing.T) {
			t.Parallel()
			inner := newStore(t)
			other := newRepository(t, inner, aggregate.Config{})
			store := &tampered{Store: inner, before: func() {
				require.NoError(t, errOf(other.Update(t.Context(), "s-1", decides(stocked{Count: 1}))))
			}}
			r := newRepository(t, store, aggregate.Config{MaxAttempts: tt.configured})

			_, err := r.Update(t.Context(), "s-1", decides(opened{}))

			require.ErrorIs(t, err, eventstore.ErrConflict)
			require.ErrorContains(t, err, fmt.Sprintf("update gave up after %d attempts: ", tt.tries))
			require.Equal(t, tt.tries, store.tries)
		})
	}
}

func TestUpdateStoreErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	store := &tampered{
		Store: newStore(t), after: func() error { return errors.Join(eventstore.ErrOutcomeUnknown, lost) },
	}
	_, err := newRepository(t, store, aggregate.Config{}).Update(t.Context(), "s-1", decides(opened{}))
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorIs(t, err, lost)
	require.Equal(t, 1, store.tries)
}

func TestUpdateConcurrently(t *testing.T) {
	t.Parallel()
	const goroutines, updates = 8, 20
	r := newRepository(t, newStore(t), aggregate.Config{MaxAttempts: goroutines * updates})
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range updates {
				if _, err := r.Update(t.Context(), "s-1", decides(stocked{Count: 1})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	root, err := r.Load(t.Context(), "s-1")
	require.NoError(t, err)
	require.Equal(t, goroutines*updates, root.State().Stock)
	require.EqualValues(t, goroutines*updates, root.Version())
}

func TestNewRepositoryMistakes(t *testing.T) {
	t.Parallel()
	noSchema := errors.New("no schema for Opened")
	for _, tt := range []struct {
		name  string
		typ   *aggregate.Type[shop]
		store eventstore.Store
		codec aggregate.Codec
		cfg   aggregate.Config
		want  []string
	}{
		{
			"type, attempts, store, codec", aggregate.NewType("Shop", noName{}, &stocked{}), nil, nil,
			aggregate.Config{MaxAttempts: -1},
			[]string{
				"name of event aggregate_test.noName", "event *aggregate_test.stocked is a ptr",
				"MaxAttempts is -1, expected 1 or more, or 0 for the default", "the store is nil", "the codec is nil",
			},
		},
		{
			"codec and attempts", shops(), newStore(t),
			jsonCodec{bind: noSchema},
			aggregate.Config{MaxAttempts: -1},
			[]string{"MaxAttempts is -1", "no schema for Opened"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := aggregate.NewRepository(t.Context(), tt.typ, tt.store, tt.codec, tt.cfg)
			require.Nil(t, r)
			require.ErrorContains(t, err, `repository of "Shop": `)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestRepositoryCodecErrors(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	r := newRepository(t, store, aggregate.Config{})
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}, stocked{Count: 1}))))
	broken := errors.New("broken")

	encoding, err := aggregate.NewRepository(t.Context(), shops(), store, jsonCodec{encode: broken}, aggregate.Config{})
	require.NoError(t, err)
	_, err = encoding.Update(t.Context(), "s-1", decides(stocked{Count: 1}))
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "save Shop/s-1: encode Stocked: ")
	require.Len(t, history(t, r, "s-1"), 2)

	decoding, err := aggregate.NewRepository(t.Context(), shops(), store, jsonCodec{decode: broken}, aggregate.Config{})
	require.NoError(t, err)
	_, err = decoding.Load(t.Context(), "s-1")
	var decode *aggregate.DecodeError
	require.ErrorAs(t, err, &decode)
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, eventstore.ErrUndecodable)
	require.NotErrorIs(t, err, aggregate.ErrUnnamedEvent)
	require.Equal(t, "Opened", decode.Record.Type)
	require.Regexp(t, `^load Shop/s-1: event Opened of Shop/s-1 version 1 at \d+:\d+: broken`, err.Error())
	require.ErrorAs(t, errOf(decoding.Update(t.Context(), "s-1", decides())), &decode)
}

func TestLoadUnknownEvent(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	newer, err := aggregate.NewRepository(t.Context(),
		aggregate.NewType("Shop", opened{}, unnamed{}), store, jsonCodec{}, aggregate.Config{})
	require.NoError(t, err)
	require.NoError(t, errOf(newer.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}, unnamed{}, opened{}))))
	r := newRepository(t, store, aggregate.Config{})

	root, err := r.Load(t.Context(), "s-1")

	require.Nil(t, root)
	var decode *aggregate.DecodeError
	require.ErrorAs(t, err, &decode)
	require.Equal(t, "Unnamed", decode.Record.Type)
	require.ErrorIs(t, err, eventstore.ErrUndecodable)
	require.ErrorIs(t, err, aggregate.ErrUnnamedEvent)
	require.ErrorContains(t, err, "event Unnamed of Shop/s-1 version 2 at ")
	require.ErrorContains(t, err, `no event of aggregate type "Shop" has this name`)

	var yielded int
	var last error
	for _, err := range r.Events(t.Context(), eventstore.Beginning()) {
		yielded, last = yielded+1, err
	}
	require.Equal(t, 2, yielded, "the error is the last pair")
	require.ErrorAs(t, last, &decode)
}

func TestLoadGap(t *testing.T) {
	t.Parallel()
	store := &tampered{Store: newStore(t)}
	r := newRepository(t, store, aggregate.Config{Cache: aggregate.Cache{Off: true}})
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(opened{}, stocked{}, stocked{}))))
	store.read = func(rec *eventstore.Record) {
		if rec.AggregateVersion > 1 {
			rec.AggregateVersion++
		}
	}
	_, err := r.Load(t.Context(), "s-1")
	require.ErrorContains(t, err, "load Shop/s-1: the store yields version 3 at ")
	require.ErrorContains(t, err, "expected version 2")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	want := make(map[string]int)
	for i := range 20 {
		id := fmt.Sprintf("s-%d", i%7)
		want[id]++
		require.NoError(t, errOf(r.Update(t.Context(), id, decides(stocked{Count: want[id]}))))
	}
	cursor := make(eventstore.Cursor)
	got := make(map[string]int)
	for e, err := range r.Events(t.Context(), eventstore.Beginning()) {
		require.NoError(t, err)
		got[e.AggregateID]++
		require.Equal(t, []shopEvent{stocked{Count: got[e.AggregateID]}}, e.Events, "in order within an aggregate")
		cursor.Advance(e.Position)
	}
	require.Equal(t, want, got)

	require.NoError(t, errOf(r.Update(t.Context(), "s-0", decides(stocked{Count: 99}))))
	for e, err := range r.Events(t.Context(), eventstore.After(cursor)) {
		require.NoError(t, err)
		require.Equal(t, []shopEvent{stocked{Count: 99}}, e.Events)
	}
	for range r.Events(t.Context(), eventstore.Beginning()) {
		break // a reader may stop
	}
}

func TestLoadStoreErrors(t *testing.T) {
	t.Parallel()
	store, err := memory.New(memory.Config{Categories: []string{"Shop"}})
	require.NoError(t, err)
	r := newRepository(t, store, aggregate.Config{Now: func() time.Time { return time.Unix(0, 0).UTC() }})
	_, err = r.Load(t.Context(), "")
	require.ErrorIs(t, err, eventstore.ErrInvalid)
	require.NoError(t, store.Close())
	_, err = r.Load(t.Context(), "s-1")
	require.ErrorIs(t, err, eventstore.ErrClosed)
}

func TestFollow(t *testing.T) {
	t.Parallel()
	r := newRepository(t, newStore(t), aggregate.Config{})
	all := r.Follow(t.Context(), eventstore.Beginning())
	n := 0
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(stocked{Count: 0}))))
	for e, err := range all {
		require.NoError(t, err)
		require.Equal(t, []shopEvent{stocked{Count: n}}, e.Events)
		if n++; n == 5 {
			break
		}
		require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(stocked{Count: n}))))
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	newer, err := aggregate.NewRepository(t.Context(),
		aggregate.NewType("Shop", opened{}, unnamed{}), store, jsonCodec{}, aggregate.Config{})
	require.NoError(t, err)
	require.NoError(t, errOf(newer.Update(t.Context(), "s-1", decides(opened{Owner: "ada"}, unnamed{}))))
	refusal := errors.New("refused")
	var got []shopEvent
	handle := newRepository(t, store, aggregate.Config{}).
		Handler(func(_ context.Context, e event.Stored[shopEvent]) error {
			got = append(got, e.Events...)
			require.Equal(t, "s-1", e.AggregateID)
			return refusal
		})
	var errs []error
	for rec, err := range store.ReadCategory(t.Context(), "Shop", eventstore.Beginning()) {
		require.NoError(t, err)
		errs = append(errs, handle(t.Context(), rec))
	}
	require.Equal(t, []shopEvent{opened{Owner: "ada"}}, got)
	require.Equal(t, refusal, errs[0])
	require.ErrorIs(t, errs[1], eventstore.ErrUndecodable)
	var decode *aggregate.DecodeError
	require.ErrorAs(t, errs[1], &decode)
	require.Equal(t, "Unnamed", decode.Record.Type)
}
