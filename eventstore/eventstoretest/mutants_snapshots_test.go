package eventstoretest_test

import (
	"context"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
)

// snapshotMutants keep and return snapshots in a wrong way.
func snapshotMutants() []mutant {
	keeping := func(
		replace func(ctx context.Context, w *wrapped, s eventstore.Stream, name string, x eventstore.Snapshot) error,
	) func(*wrapped) {
		return func(w *wrapped) {
			w.keep = func(ctx context.Context, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				return replace(ctx, w, s, name, x)
			}
		}
	}
	return []mutant{
		{name: "has one snapshot for all names of a stream", caughtBy: caughtBy(snapshots), breaks: func(w *wrapped) {
			w.snapshot = func(ctx context.Context, s eventstore.Stream, name string) (eventstore.Snapshot, error) {
				if name != "" {
					name = "n"
				}
				return w.good.Snapshot(ctx, s, name)
			}
			w.keep = func(ctx context.Context, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				if name != "" && strings.ToValidUTF8(name, "") == name && len(name) <= eventstore.MaxIDBytes {
					name = "n"
				}
				return w.good.KeepSnapshot(ctx, s, name, x)
			}
		}},
		{name: "takes stream and name for one text", caughtBy: caughtBy(snapshots), breaks: func(w *wrapped) {
			kept := make(map[string]eventstore.Snapshot)
			w.snapshot = func(ctx context.Context, s eventstore.Stream, name string) (eventstore.Snapshot, error) {
				if _, err := w.good.Snapshot(ctx, s, name); err != nil {
					return eventstore.Snapshot{}, err
				}
				return kept[s.ID+name], nil
			}
			w.keep = func(ctx context.Context, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				if err := w.good.KeepSnapshot(ctx, s, name, x); err != nil {
					return err
				}
				kept[s.ID+name] = x
				return nil
			}
		}},
		{name: "keeps the newer snapshot, not the later one", caughtBy: caughtBy(snapshots), breaks: keeping(
			func(ctx context.Context, w *wrapped, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				if old, err := w.good.Snapshot(ctx, s, name); err == nil && x.Version > 0 && x.Version < old.Version {
					return nil
				}
				return w.good.KeepSnapshot(ctx, s, name, x)
			})},
		{name: "forgets no snapshot", caughtBy: caughtBy(snapshots), breaks: keeping(
			func(ctx context.Context, w *wrapped, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				if x.Version == 0 && x.Value == nil {
					return nil
				}
				return w.good.KeepSnapshot(ctx, s, name, x)
			})},
		{name: "keeps a snapshot of events that it does not hold", caughtBy: caughtBy(snapshots), breaks: keeping(
			func(ctx context.Context, w *wrapped, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				if x.Version > 0 {
					x.Version = min(x.Version, w.length(ctx, s))
				}
				return w.good.KeepSnapshot(ctx, s, name, x)
			})},
		{name: "checks no snapshot", caughtBy: caughtBy(snapshots, unknown), breaks: keeping(
			func(ctx context.Context, w *wrapped, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				_ = w.good.KeepSnapshot(ctx, s, name, x)
				return nil
			})},
		{name: "cuts a snapshot", caughtBy: caughtBy(snapshots), breaks: func(w *wrapped) {
			w.snapshot = func(ctx context.Context, s eventstore.Stream, name string) (eventstore.Snapshot, error) {
				x, err := w.good.Snapshot(ctx, s, name)
				x.Value = x.Value[:min(len(x.Value), 1<<16)]
				return x, err
			}
		}},
		{name: "returns what it has forgotten", caughtBy: caughtBy(snapshots), breaks: func(w *wrapped) {
			values := make(map[string][]byte)
			w.keep = func(ctx context.Context, s eventstore.Stream, name string, x eventstore.Snapshot) error {
				err := w.good.KeepSnapshot(ctx, s, name, x)
				if err == nil && x.Version > 0 {
					values[s.ID+"/"+name] = x.Value
				}
				return err
			}
			w.snapshot = func(ctx context.Context, s eventstore.Stream, name string) (eventstore.Snapshot, error) {
				x, err := w.good.Snapshot(ctx, s, name)
				if x.Version == 0 {
					x.Value = values[s.ID+"/"+name]
				}
				return x, err
			}
		}},
	}
}
