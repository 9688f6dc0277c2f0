package aggregate_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

// snapshotting is a store whose snapshots a test looks at and changes.
type snapshotting struct {
	eventstore.Store

	found   func(*eventstore.Snapshot) error // called with each snapshot that is found
	refused error                            // the answer to KeepSnapshot, if not nil
	last    eventstore.Snapshot              // that was to be kept
	named   string
}

func (s *snapshotting) Snapshot(
	ctx context.Context, stream eventstore.Stream, name string,
) (eventstore.Snapshot, error) {
	found, err := s.Store.Snapshot(ctx, stream, name)
	if err == nil && found.Version > 0 && s.found != nil {
		found.Value = bytes.Clone(found.Value)
		err = s.found(&found)
	}
	return found, err
}

func (s *snapshotting) KeepSnapshot(
	ctx context.Context, stream eventstore.Stream, name string, snapshot eventstore.Snapshot,
) error {
	if s.last, s.named = snapshot, name; s.refused != nil {
		return s.refused
	}
	return s.Store.KeepSnapshot(ctx, stream, name, snapshot)
}

// snapshotted is what the hooks were told.
type snapshotted struct {
	watched

	kept    []aggregate.SnapshotKept
	dropped []aggregate.SnapshotDropped
	log     bytes.Buffer
}

func (s *snapshotted) config(snapshots aggregate.Snapshots) aggregate.Config {
	h := s.hooks()
	h.SnapshotKept = func(_ context.Context, k aggregate.SnapshotKept) { s.kept = append(s.kept, k) }
	h.SnapshotDropped = func(_ context.Context, d aggregate.SnapshotDropped) { s.dropped = append(s.dropped, d) }
	if snapshots.LoadTime == 0 {
		snapshots.LoadTime = time.Hour
	}
	return aggregate.Config{
		Hooks: h, Snapshots: snapshots, Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
	}
}

// stockUp adds so many events to a shop, some at a time.
func stockUp(t *testing.T, r *aggregate.Repository[shop], events int) {
	t.Helper()
	for n := 0; n < events; {
		some := make([]shopEvent, min(40, events-n))
		for i := range some {
			some[i] = stocked{Count: 1}
		}
		require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides(some...))))
		n += len(some)
	}
}

// loads makes a new repository, as a program that was started again does, and loads the shop.
func loads(t *testing.T, store eventstore.Store, cfg aggregate.Config, stock int) *aggregate.Repository[shop] {
	t.Helper()
	r := newRepository(t, store, cfg)
	_, err := r.Update(t.Context(), "s-1", func(s shop) ([]shopEvent, error) {
		require.Equal(t, stock, s.Stock)
		return nil, nil
	})
	require.NoError(t, err)
	return r
}

// The first load of a program that was started again begins with a snapshot.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	for _, cache := range []aggregate.Cache{{}, {Off: true}} {
		store := &snapshotting{Store: newStore(t)}
		var s snapshotted
		cfg := s.config(aggregate.Snapshots{Every: 100})
		cfg.Cache = cache
		stockUp(t, newRepository(t, store, cfg), 450)
		require.GreaterOrEqual(t, len(s.kept), 3, "one for each 100 events, at the end of a commit")
		require.LessOrEqual(t, len(s.kept), 4)
		for _, k := range s.kept {
			require.NoError(t, k.Err)
			require.Equal(t, eventstore.Stream{Category: "Shop", ID: "s-1"}, k.Stream)
			require.Positive(t, k.Bytes)
		}
		last := s.kept[len(s.kept)-1].Version
		loads(t, store, cfg, 450)
		l := s.last(t)
		require.Equal(t, aggregate.FromSnapshot, l.From)
		require.Equal(t, 450-last, l.Folded)
		root, err := newRepository(t, store, cfg).Load(t.Context(), "s-1")
		require.NoError(t, err)
		require.Equal(t, shop{Stock: 450}, root.State())
		require.Equal(t, aggregate.FromSnapshot, s.last(t).From)

		cfg.Snapshots.Off = true
		loads(t, store, cfg, 450)
		require.Equal(t, aggregate.FromStart, s.last(t).From)
		require.Empty(t, s.dropped)
		require.Empty(t, s.log.String())
	}
}

// A snapshot that is the end of the stream is kept in memory, too.
func TestSnapshotAtTheEnd(t *testing.T) {
	t.Parallel()
	var s snapshotted
	store := newStore(t)
	cfg := s.config(aggregate.Snapshots{Every: 40})
	stockUp(t, newRepository(t, store, cfg), 80)
	r := loads(t, store, cfg, 80)
	require.Zero(t, s.last(t).Folded)
	require.Equal(t, aggregate.FromSnapshot, s.last(t).From)
	require.NoError(t, errOf(r.Update(t.Context(), "s-1", decides())))
	require.Equal(t, aggregate.FromCache, s.last(t).From)
}

// A slow load leaves a snapshot, so that the next one is fast.
func TestSlowLoadLeavesASnapshot(t *testing.T) {
	t.Parallel()
	var s snapshotted
	store := newStore(t)
	off := s.config(aggregate.Snapshots{Off: true})
	stockUp(t, newRepository(t, store, off), 80)
	slow := s.config(aggregate.Snapshots{LoadTime: 1})
	loads(t, store, slow, 80)
	require.Equal(t, aggregate.FromStart, s.last(t).From)
	require.Len(t, s.kept, 1)
	loads(t, store, slow, 80)
	require.Equal(t, aggregate.FromSnapshot, s.last(t).From)
}

// A snapshot may be wrong in any way: the state is right, somebody is told, and the snapshot goes.
func TestWrongSnapshots(t *testing.T) {
	t.Parallel()
	damage := errors.New("the disk has lost it")
	for name, wrong := range map[string]struct {
		found   func(*eventstore.Snapshot) error
		program string
		why     string
		quiet   bool
	}{
		"another program":    {program: "v2", why: "the snapshot is of another program", quiet: true},
		"a store that fails": {found: func(*eventstore.Snapshot) error { return damage }, why: damage.Error()},
		"nothing in it": {
			found: func(s *eventstore.Snapshot) error { s.Value = nil; return nil },
			why:   "the snapshot is of another program", quiet: true,
		},
		"cut": {
			found: func(s *eventstore.Snapshot) error { s.Value = s.Value[:len(s.Value)-1]; return nil },
			why:   "it is not what this program has encoded",
		},
		"too long": {
			found: func(s *eventstore.Snapshot) error { s.Value = append(s.Value, 1); return nil },
			why:   "it is not what this program has encoded",
		},
		"beyond the stream": {
			found: func(s *eventstore.Snapshot) error { s.Version = 81; return nil },
			why:   "the snapshot is of version 81, and the stream ends at version 80",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &snapshotting{Store: newStore(t)}
			var s snapshotted
			cfg := s.config(aggregate.Snapshots{Every: 80, Program: "v1"})
			stockUp(t, newRepository(t, store, cfg), 80)
			require.Len(t, s.kept, 1)
			loads(t, store, cfg, 80)
			require.Equal(t, aggregate.FromSnapshot, s.last(t).From)

			if store.found = wrong.found; wrong.program != "" {
				cfg.Snapshots.Program = wrong.program
			}
			cfg.Snapshots.Every = 1_000 // so that no new one is taken
			loads(t, store, cfg, 80)
			require.Equal(t, aggregate.FromStart, s.last(t).From)
			require.Len(t, s.dropped, 1)
			require.ErrorContains(t, s.dropped[0].Err, wrong.why)
			require.Equal(t, wrong.quiet, s.log.Len() == 0, s.log.String())
			if !wrong.quiet {
				require.Contains(t, s.log.String(), "a snapshot cannot be used; the whole stream is folded instead")
				require.Contains(t, s.log.String(), "stream=Shop/s-1")
			}
			store.found = nil
			found, err := store.Snapshot(t.Context(), eventstore.Stream{Category: "Shop", ID: "s-1"}, store.named)
			require.NoError(t, err)
			require.Zero(t, found)
		})
	}
}

// If snapshots cannot be kept, updates go on. The first failure is logged, and the hook is told of
// each.
func TestSnapshotsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	store := &snapshotting{Store: newStore(t), refused: errors.New("no room")}
	var s snapshotted
	stockUp(t, newRepository(t, store, s.config(aggregate.Snapshots{Every: 40})), 160)
	require.Len(t, s.kept, 4)
	for _, k := range s.kept {
		require.EqualError(t, k.Err, "no room")
	}
	require.Equal(t, 1, strings.Count(s.log.String(), "a snapshot was not kept"))

	store.refused = nil
	r := newRepository(t, store, s.config(aggregate.Snapshots{Every: 1}))
	require.NoError(t, errOf(r.Update(t.Context(), "large",
		decides(opened{Owner: strings.Repeat("x", eventstore.MaxSnapshotBytes/2)}, stocked{Count: 1}))))
	require.NoError(t, s.kept[len(s.kept)-1].Err)
}

// A snapshot is of a type of states: another type that is folded from the same events has its own.
func TestSnapshotsOfTwoTypes(t *testing.T) {
	t.Parallel()
	store := &snapshotting{Store: newStore(t)}
	var s snapshotted
	stockUp(t, newRepository(t, store, s.config(aggregate.Snapshots{Every: 40})), 80)
	first := store.named
	shops := aggregate.NewType[counter]("Shop", counted{})
	counts, err := aggregate.NewRepository(t.Context(), shops, store, jsonCodec{},
		s.config(aggregate.Snapshots{Every: 40}))
	require.NoError(t, err)
	root, err := counts.Load(t.Context(), "s-1")
	require.NoError(t, err)
	require.Equal(t, counter{80}, root.State())
	require.NotEqual(t, first, store.named)
	loads(t, store, s.config(aggregate.Snapshots{Every: 40}), 80)
	require.Equal(t, aggregate.FromSnapshot, s.last(t).From)
	require.Empty(t, s.dropped)
}

type counter struct{ n int }

type counted struct{ Count int }

func (counted) EventType() string { return "Stocked" }
func (counted) Apply(c *counter)  { c.n++ }

// asked has a state that no snapshot can hold.
type asked struct{ Answer any }

func (a asked) Clone() asked { return a }

type answered struct{}

func (answered) EventType() string { return "Answered" }
func (answered) Apply(*asked)      {}

func TestSnapshotMistakes(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	make := func(s aggregate.Snapshots) error {
		_, err := aggregate.NewRepository(t.Context(), aggregate.NewType[asked]("Shop", answered{}), store, jsonCodec{},
			aggregate.Config{Snapshots: s})
		return err
	}
	err := make(aggregate.Snapshots{Every: -1, LoadTime: -1})
	require.ErrorContains(t, err, "Snapshots.Every is -1, expected 1 or more, or 0 for the default of 500")
	require.ErrorContains(t, err, "Snapshots.LoadTime is -1ns, expected more than 0, or 0 for the default of 1ms")
	require.ErrorContains(t, err, "states of type aggregate_test.asked cannot have snapshots, because its field "+
		"Answer is of type interface {}, which cannot be encoded. Give aggregate_test.asked the methods MarshalBinary "+
		"and UnmarshalBinary, or set Snapshots.Off")
	require.NoError(t, make(aggregate.Snapshots{Off: true}))
}
