package aggregate

import (
	"context"
	"errors"
	"fmt"
	"iter"
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

	// Unconfirmed makes each Update what the option [Unconfirmed] makes one. Default: answers are confirmed.
	Unconfirmed bool

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
		mistakes = append(mistakes, codec.Bind(ctx, t.Stored()))
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
	return r.replay(id, r.History(ctx, id, 1))
}

// replay makes the aggregate of its events.
func (r *Repository[S]) replay(id string, history iter.Seq2[event.Stored[Event[S]], error]) (*Root[S], error) {
	root := r.typ.New(id)
	if err := root.replayAll(history); err != nil {
		return nil, fmt.Errorf("load %s/%s: %w", r.typ.name, id, err)
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
	n := len(root.uncommitted)
	if n == 0 {
		return nil
	}
	c, err := r.encode(ctx, root.id, root.uncommitted)
	if err != nil {
		return err
	}
	if _, err := r.append(ctx, c, storedTip{r.store, c.stream, root.version - int64(n)}); err != nil {
		return err
	}
	root.Commit()
	return r.onlyCommit(ctx, root.id)
}

// append appends a commit behind the tip, and publishes its events.
func (r *Repository[S]) append(ctx context.Context, c *commit[S], tip eventstore.Tip) (eventstore.Result, error) {
	result, err := tip.Append(ctx, c.records...)
	if err != nil {
		return result, fmt.Errorf("save %s: %w", c.stream, err)
	}
	if !result.Repeated && r.cfg.Bus != nil {
		r.publish(ctx, c, result)
	}
	return result, nil
}

func (r *Repository[S]) stream(id string) eventstore.Stream {
	return eventstore.Stream{Category: r.typ.name, ID: id}
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
