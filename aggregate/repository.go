package aggregate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
	"github.com/fencelog/fencelog/internal/states"
)

// Repository loads and saves the aggregates of one category. Any number of goroutines may call its
// methods.
type Repository[S any] struct {
	typ   *Type[S]
	store eventstore.Store
	codec Codec
	cfg   Config

	kind      *states.Kind[S]
	states    *states.Cache[S] // nil if it is off
	snapshots *snapshots[S]    // nil if they are off
}

// DefaultMaxAttempts is how often Update and UpdateAll try at most if they keep meeting conflicts.
const DefaultMaxAttempts = 100

// Config configures a [Repository]; every field may be left zero.
type Config struct {
	// Bus gets every event after it is stored. Default: none.
	Bus *event.Bus

	// MaxAttempts is how often Update and UpdateAll try before they give up on a conflict. Each
	// conflict means that another commit went through, or that a queued commit was not stored after
	// all. Default: [DefaultMaxAttempts].
	MaxAttempts int

	// Unconfirmed gives each Update and UpdateAll the option [Unconfirmed]. Default: answers are
	// confirmed.
	Unconfirmed bool

	// Cache says which states are kept in memory. Default: the states that were loaded lately.
	Cache Cache

	// Snapshots says which states are kept in the store, for the first load of a long stream.
	// Default: one for each [DefaultSnapshotEvery] events of a stream.
	Snapshots Snapshots

	// Hooks are told what happens, for metrics. Default: none.
	Hooks Hooks

	// Logger gets a line if snapshots cannot be used or kept. Default: slog.Default().
	Logger *slog.Logger

	// Now gives the events their time. Default: the system's clock, UTC.
	Now func() time.Time

	// NewID gives the events their ids. If the context has no correlation id, NewID gives that,
	// too. Default: UUIDs of version 7.
	NewID func() string
}

// NewRepository returns the repository of the aggregates of type t. It reports all mistakes at
// once: those of t and of cfg, and every event that the codec cannot handle. A mistake is also a
// state that cannot be cached or have snapshots; see [Cache] and [Snapshots]. So a service that
// starts can load and store all that it knows.
func NewRepository[S any](
	ctx context.Context, t *Type[S], store eventstore.Store, codec Codec, cfg Config,
) (*Repository[S], error) {
	if cfg.MaxAttempts == 0 {
		cfg.MaxAttempts = DefaultMaxAttempts
	}
	if cfg.Now == nil {
		cfg.Now = clock.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.NewID == nil {
		cfg.NewID = ids.New
	}
	mistakes := []error{t.Err(), cfg.Cache.complete(), cfg.Snapshots.complete()}
	if cfg.MaxAttempts < 0 {
		mistakes = append(mistakes,
			fmt.Errorf("MaxAttempts is %d, expected 1 or more, or 0 for the default", cfg.MaxAttempts))
	}
	if store == nil {
		mistakes = append(mistakes, errors.New("the store is nil; give an eventstore.Store"))
	}
	switch {
	case codec == nil:
		mistakes = append(mistakes, errors.New("the codec is nil; give a Codec"))
	case t.Err() == nil:
		mistakes = append(mistakes, codec.Bind(ctx, t.Stored()))
	}
	r := &Repository[S]{typ: t, store: store, codec: codec, cfg: cfg}
	if t.Err() == nil {
		var err error
		r.snapshots, err = r.newSnapshots()
		mistakes = append(mistakes, r.newCache(), err)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("repository of %q: %w", t.name, err)
	}
	return r, nil
}

// Type returns the aggregate type.
func (r *Repository[S]) Type() *Type[S] { return r.typ }

// Save appends the uncommitted events of root as one commit if the stream stands where root was
// loaded. It stamps ids, time, correlation, causation, command and actor from the [event.Cause] in
// ctx. Then it publishes the events on the bus, and returns what the commit did. Without
// uncommitted events it does nothing.
//
// If the same command has already committed to the stream, it is handled for the second time. Then
// Save appends nothing, and root is stale. The outcome is that of the first commit, with Repeated
// set.
//
// Save fails with
//   - a *[eventstore.ConflictError] if the stream stands elsewhere;
//   - [ErrSecondCommit] if this handling of the command has committed to the stream before;
//   - a *[eventstore.CommandReusedError] if the partition key holds another commit with the id of
//     the command, such as one to another stream;
//   - an error of the codec if it cannot encode the events, or cannot decode them again; then
//     nothing was stored;
//   - an error of [Repository.History] if it cannot load what a repeated command did;
//   - the other errors of the store's Append.
func (r *Repository[S]) Save(ctx context.Context, root *Root[S]) (eventstore.Outcome, error) {
	n := len(root.uncommitted)
	if n == 0 {
		return eventstore.Outcome{CommandID: event.CauseFrom(ctx).CommandID}, nil
	}
	c, err := r.encode(ctx, []Change[S]{{ID: root.id, Events: root.uncommitted}})
	if err != nil {
		return eventstore.Outcome{}, err
	}
	c.Expect = []eventstore.Expectation{
		{Stream: r.Stream(root.id), Version: eventstore.Expected(root.version - int64(n))},
	}
	outcome, err := r.append(ctx, c)
	if err == nil || errors.Is(err, ErrSecondCommit) {
		root.Commit()
	}
	return outcome, err
}

// append appends a commit, and publishes its events.
func (r *Repository[S]) append(ctx context.Context, c *commit[S]) (eventstore.Outcome, error) {
	result, err := r.store.Append(ctx, c.Commit)
	if err != nil {
		return eventstore.Outcome{}, fmt.Errorf("save %s: %w", names(c.Streams()), err)
	}
	if result.Repeated { // stored by somebody else, since this process has read the streams
		outcome, err := r.first(ctx, result, c.CommandID)
		if err != nil {
			err = fmt.Errorf("save %s: %w", names(c.Streams()), err)
		}
		return outcome, err
	}
	r.remember(ctx, c.CommandID, result)
	outcome := c.outcome(result)
	if r.cfg.Bus != nil {
		r.publish(ctx, outcome.Events)
	}
	return outcome, nil
}

// Stream names the stream of the aggregate with the id.
func (r *Repository[S]) Stream(id string) eventstore.Stream {
	return eventstore.Stream{Category: r.typ.name, ID: id}
}
