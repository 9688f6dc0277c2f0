package aggregate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/program"
	"github.com/fencelog/fencelog/internal/states"
)

// Defaults of [Snapshots].
const (
	DefaultSnapshotEvery    = 500
	DefaultSnapshotLoadTime = time.Millisecond
)

// Snapshots configures which states a [Repository] keeps in the store. Then the first load of a
// long stream begins with a snapshot, and folds only the events since. Snapshots are no events.
// A store keeps them beside its index, and may forget any of them.
//
// A snapshot has all fields of a state, also those that are not exported. It is taken after a
// commit is stored, and holds nobody up but the caller of that commit, for some microseconds.
//
// Only the program that has taken a snapshot uses it, because another one may fold events in
// another way. A repository drops a snapshot of another program, one that is damaged, and one that
// does not fit the stream. Then it folds the whole stream. Package aggregatetest has a test of
// whether the snapshots of a type are right.
type Snapshots struct {
	// Every is the number of events after which the next snapshot of an aggregate is taken.
	// Default: [DefaultSnapshotEvery].
	Every int64

	// LoadTime is how long a load may take without leaving a snapshot, if the state was not in
	// memory. Default: [DefaultSnapshotLoadTime].
	LoadTime time.Duration

	// Program names how events are folded. If it changes, all snapshots are dropped. Name it if the
	// program folds by more than what is compiled into it. Default: a hash of the program's
	// executable file, so that each build has its own snapshots.
	Program string

	// Off makes the repository take and use no snapshots.
	Off bool
}

// minSnapshotEvents is from how many events on a snapshot is worth looking for, and worth taking
// after a slow load.
const minSnapshotEvents = 64

// least returns the least number of events of a stream that has a snapshot.
func (s *snapshots[S]) least() int64 {
	if s == nil {
		return math.MaxInt64
	}
	return min(s.Every, minSnapshotEvents)
}

// complete sets the defaults. It returns what is wrong.
func (s *Snapshots) complete() error {
	var wrong []error
	if s.Every < 0 {
		wrong = append(wrong, fmt.Errorf("Snapshots.Every is %d, expected 1 or more, or 0 for the default of %d", s.Every,
			DefaultSnapshotEvery))
	}
	if s.LoadTime < 0 {
		wrong = append(wrong, fmt.Errorf("Snapshots.LoadTime is %s, expected more than 0, or 0 for the default of %s",
			s.LoadTime, DefaultSnapshotLoadTime))
	}
	if s.Every == 0 {
		s.Every = DefaultSnapshotEvery
	}
	if s.LoadTime == 0 {
		s.LoadTime = DefaultSnapshotLoadTime
	}
	return errors.Join(wrong...)
}

// SnapshotKept is a snapshot that was taken.
type SnapshotKept struct {
	Stream  eventstore.Stream
	Version int64 // of the state
	Bytes   int
	Err     error // nil, or why it was not kept
}

// SnapshotDropped is a snapshot that was found and cannot be used.
type SnapshotDropped struct {
	Stream  eventstore.Stream
	Version int64 // of the snapshot; 0 if it is not known
	Err     error // why; it matches [ErrOtherProgram] after each deployment
}

// ErrOtherProgram says that another program has taken a snapshot.
var ErrOtherProgram = errors.New("the snapshot is of another program")

// snapshots takes and finds the snapshots of a repository.
type snapshots[S any] struct {
	Snapshots

	store  eventstore.Store
	codec  *states.Codec[S]
	name   string
	folds  string // says how events are folded, beside the program
	logger *slog.Logger
	kept   func(context.Context, SnapshotKept)
	drop   func(context.Context, SnapshotDropped)
	failed atomic.Bool // a failure was logged
}

// newSnapshots returns nil if there are no snapshots. It fails if states cannot be encoded.
func (r *Repository[S]) newSnapshots() (*snapshots[S], error) {
	if r.cfg.Snapshots.Off {
		return nil, nil
	}
	codec, err := states.NewCodec[S]()
	if err != nil {
		return nil, err
	}
	if r.cfg.Snapshots.Program == "" {
		program.Prepare()
	}
	return &snapshots[S]{
		Snapshots: r.cfg.Snapshots, store: r.store, codec: codec, name: snapshotName(reflect.TypeFor[S]()),
		folds: r.typ.folds(codec.Layout()), logger: r.cfg.Logger, kept: r.cfg.Hooks.SnapshotKept,
		drop: r.cfg.Hooks.SnapshotDropped,
	}, nil
}

// snapshotName names the snapshots of states of a type.
func snapshotName(t reflect.Type) string {
	name := t.PkgPath() + "." + t.String()
	if len(name) > eventstore.MaxIDBytes {
		name = fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	}
	return name
}

// folds returns what decides how events are folded, as far as a type knows: the layout of the state,
// and into which Go types events are decoded.
func (t *Type[S]) folds(layout uint64) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d\n", t.name, layout)
	for _, e := range t.Stored() {
		fmt.Fprintf(&b, "%s %d %s.%s\n", e.Name, e.Revision, e.Go.PkgPath(), e.Go)
	}
	return b.String()
}

// The bytes of a snapshot are the digest of who can read it, and the state.
const digestOfFolds = 16

func (s *snapshots[S]) digest() ([]byte, error) {
	by := s.Program
	if by == "" {
		hash, err := program.Hash()
		if err != nil {
			return nil, fmt.Errorf("%w; name the program in Snapshots.Program", err)
		}
		by = "sha256 " + hash
	} else {
		by = "named " + by
	}
	sum := sha256.Sum256([]byte(s.folds + by))
	return sum[:digestOfFolds], nil
}

// find returns the point of the snapshot of a stream, or nil. Nothing that goes wrong keeps a load
// from folding the whole stream.
func (s *snapshots[S]) find(ctx context.Context, kind *states.Kind[S], stream eventstore.Stream) *states.Point[S] {
	found, err := s.store.Snapshot(ctx, stream, s.name)
	if ctx.Err() != nil || errors.Is(err, eventstore.ErrClosed) || err == nil && found.Version == 0 {
		return nil // the load says so, too
	}
	var state S
	if err == nil {
		state, err = s.decode(found.Value)
	}
	if err != nil {
		s.forget(ctx, stream, found.Version, err)
		return nil
	}
	return kind.PointOfSnapshot(state, found.Version)
}

func (s *snapshots[S]) decode(value []byte) (state S, err error) {
	digest, err := s.digest()
	switch {
	case err != nil:
		return state, err
	case !bytes.HasPrefix(value, digest):
		return state, ErrOtherProgram
	}
	return s.codec.Decode(value[len(digest):])
}

// forget drops a snapshot that cannot be used.
func (s *snapshots[S]) forget(ctx context.Context, stream eventstore.Stream, version int64, why error) {
	if s.drop != nil {
		s.drop(ctx, SnapshotDropped{Stream: stream, Version: version, Err: why})
	}
	if !errors.Is(why, ErrOtherProgram) {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "a snapshot cannot be used; the whole stream is folded instead",
			slog.String("stream", stream.String()), slog.Int64("version", version), slog.Any("error", why))
	}
	if err := s.store.KeepSnapshot(ctx, stream, s.name, eventstore.Snapshot{}); err != nil {
		s.warn(ctx, "a snapshot cannot be dropped", stream, err)
	}
}

// keep takes a snapshot of a state whose events are stored.
func (s *snapshots[S]) keep(ctx context.Context, stream eventstore.Stream, state S, version int64) {
	value, err := s.digest()
	if err == nil {
		var encoded []byte
		if encoded, err = s.codec.Encode(state, eventstore.MaxSnapshotBytes-len(value)); err == nil {
			value = append(value, encoded...)
			err = s.store.KeepSnapshot(ctx, stream, s.name, eventstore.Snapshot{Version: version, Value: value})
		}
	}
	if s.kept != nil {
		s.kept(ctx, SnapshotKept{Stream: stream, Version: version, Bytes: len(value), Err: err})
	}
	if err != nil && !errors.Is(err, eventstore.ErrClosed) {
		s.warn(ctx, "a snapshot was not kept", stream, err)
	}
}

// warn logs the first failure. The hooks are told of each.
func (s *snapshots[S]) warn(ctx context.Context, what string, stream eventstore.Stream, err error) {
	if s.failed.CompareAndSwap(false, true) {
		s.logger.LogAttrs(ctx, slog.LevelWarn, what+"; others are not logged, see aggregate.Hooks",
			slog.String("stream", stream.String()), slog.Any("error", err))
	}
}
