package aggregate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/ids"
)

// Repository loads and saves the aggregates of one type.
type Repository[S any] struct {
	typ   *Type[S]
	store eventstore.Store
	codec Codec
	cfg   Config
}

// DefaultMaxAttempts is how often Update decides when others keep coming between.
const DefaultMaxAttempts = 100

// Config configures a [Repository]; every field may be left zero.
type Config struct {
	// Bus is handed every event after it is stored. Default: none.
	Bus *event.Bus

	// MaxAttempts is how often Update loads and decides before it gives up on a version conflict.
	// Each conflict means that another commit went through. Default: [DefaultMaxAttempts].
	MaxAttempts int

	// Now gives the events their time. Default: the system's clock, UTC.
	Now func() time.Time

	// NewID gives the events their ids, and a correlation id where the context carries none.
	// Default: UUIDs of version 7.
	NewID func() string
}

// NewRepository returns the repository of the aggregate type t. It reports all mistakes of t, and
// every event that the codec cannot handle: a service that starts can load and store all it knows.
func NewRepository[S any](
	ctx context.Context, t *Type[S], store eventstore.Store, codec Codec, cfg Config,
) (*Repository[S], error) {
	if cfg.MaxAttempts == 0 {
		cfg.MaxAttempts = DefaultMaxAttempts
	}
	if cfg.Now == nil {
		cfg.Now = clock.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = ids.New
	}
	mistakes := []error{t.Err()}
	if cfg.MaxAttempts < 0 {
		mistakes = append(mistakes, fmt.Errorf("MaxAttempts is %d, expected 1 or more, or 0 for the default", cfg.MaxAttempts))
	}
	if store == nil {
		mistakes = append(mistakes, errors.New("the store is nil; give an eventstore.Store"))
	}
	switch {
	case codec == nil:
		mistakes = append(mistakes, errors.New("the codec is nil; give a Codec"))
	case t.Err() == nil:
		mistakes = append(mistakes, codec.Bind(ctx, t.Events()))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("repository of %q: %w", t.name, err)
	}
	return &Repository[S]{typ: t, store: store, codec: codec, cfg: cfg}, nil
}

// Type returns the aggregate type.
func (r *Repository[S]) Type() *Type[S] { return r.typ }

// Load returns the aggregate of the given id as its stored events make it. One that has none is
// at version 0 with the zero state: that is no error.
//
// It fails with what the store's ReadStream fails with, and with a *[DecodeError] if an event cannot be
// decoded: no event is ever left out.
func (r *Repository[S]) Load(ctx context.Context, id string) (*Root[S], error) {
	root := r.typ.New(id)
	for e, err := range r.History(ctx, id, 1) {
		if err != nil {
			return nil, fmt.Errorf("load %s/%s: %w", r.typ.name, id, err)
		}
		if e.AggregateVersion != root.version+1 {
			return nil, fmt.Errorf("load %s/%s: the store yields version %d at %s, expected version %d: it breaks its promise",
				r.typ.name, id, e.AggregateVersion, e.Position, root.version+1)
		}
		root.replay(e.Event, e.CommandID)
	}
	return root, nil
}

// Save appends the uncommitted events of root as one commit, provided that the stream stands where
// root was loaded, and publishes them on the bus. Ids, time, correlation, causation, command and actor
// are stamped from the [event.Cause] in ctx.
//
// If the stream holds a commit of the same command already, nothing is appended and root is stale: the command is
// handled for the second time. If this handling made that commit, Save fails with [ErrSecondCommit]. Other
// errors are those of the store's Append.
func (r *Repository[S]) Save(ctx context.Context, root *Root[S]) error {
	if len(root.uncommitted) == 0 {
		return nil
	}
	records, err := r.encode(ctx, root.uncommitted)
	if err != nil {
		return fmt.Errorf("save %s/%s: %w", r.typ.name, root.id, err)
	}
	stream := eventstore.Stream{Type: r.typ.name, ID: root.id}
	base := root.version - int64(len(root.uncommitted))
	result, err := r.store.Append(ctx, stream, eventstore.Expected(base), records...)
	if err != nil {
		return fmt.Errorf("save %s/%s: %w", r.typ.name, root.id, err)
	}
	events := root.Uncommitted()
	root.Commit()
	if !result.Repeated && r.cfg.Bus != nil {
		r.publish(ctx, stream, events, records, result)
	}
	return r.onlyCommit(ctx, root.id)
}

// Update loads the aggregate, calls decide with its state, and appends the events it returns. If
// another commit came between, it does so again, at most MaxAttempts times. No events and no error
// means there is nothing to do.
//
// decide must be pure: it may be called several times. Its error is returned as it is.
//
// A command is applied at most once: if the stream holds events of the command that ctx carries, decide is
// not called and Update returns nil. So the handler of a command commits to an aggregate once;
// after that an Update of the same one fails with [ErrSecondCommit].
func (r *Repository[S]) Update(ctx context.Context, id string, decide func(S) ([]Event[S], error)) error {
	commandID := event.CauseFrom(ctx).CommandID
	for attempt := 1; ; attempt++ {
		root, err := r.Load(ctx, id)
		if err != nil {
			return err
		}
		if root.handled(commandID) {
			return r.onlyCommit(ctx, id)
		}
		events, err := decide(root.State())
		if err != nil {
			return err
		}
		if err := root.Apply(events...); err != nil {
			return fmt.Errorf("update %s/%s: %w", r.typ.name, id, err)
		}
		err = r.Save(ctx, root)
		if err == nil || !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
		if attempt >= r.cfg.MaxAttempts {
			return fmt.Errorf("update gave up after %d attempts: %w", attempt, err)
		}
	}
}

// onlyCommit is called when the stream of the aggregate is known to hold a commit of the command that ctx carries, and
// returns nil the first time. The second time the handler has tried to commit again, and the
// store has taken one for a repetition of the other. An append that failed does not count: it may be tried again.
func (r *Repository[S]) onlyCommit(ctx context.Context, id string) error {
	if event.CauseFrom(ctx).CommandID == "" || event.Once(ctx, "commit to "+r.typ.name+"/"+id) {
		return nil
	}
	return fmt.Errorf("update %s/%s: %w", r.typ.name, id, ErrSecondCommit)
}

// ErrSecondCommit says that the handler of one command tried to commit twice to one stream. One commit was
// appended, the other was not. Gather the events in one Update.
var ErrSecondCommit = errors.New("one command commits to a stream once: gather the events in one Update")
