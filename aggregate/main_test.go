package aggregate_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is the state of the tests' aggregate.
type shop struct {
	Owner string
	Stock int
}

type opened struct{ Owner string }

func (opened) EventType() string { return "Opened" }
func (e opened) Apply(s *shop)   { s.Owner = e.Owner }

type stocked struct{ Count int }

func (stocked) EventType() string { return "Stocked" }
func (e stocked) Apply(s *shop)   { s.Stock += e.Count }

// unnamed is an event of the shop that its type does not list.
type unnamed struct{}

func (unnamed) EventType() string { return "Unnamed" }
func (unnamed) Apply(*shop)       {}

type shopEvent = aggregate.Event[shop]

func shops() *aggregate.Type[shop] { return aggregate.NewType("Shop", opened{}, stocked{}) }

// decides returns a decision that is the same whatever the state.
func decides(events ...shopEvent) func(shop) ([]shopEvent, error) {
	return func(shop) ([]shopEvent, error) { return events, nil }
}

// jsonCodec encodes events as JSON. It returns those of its errors that are not nil.
type jsonCodec struct{ bind, encode, decode error }

var _ aggregate.Codec = jsonCodec{}

func (c jsonCodec) Bind(context.Context, []event.Type) error { return c.bind }

func (c jsonCodec) Encode(_ context.Context, _ event.Type, e any) (value []byte, revision int, err error) {
	value, err = json.Marshal(e)
	return value, 3, errors.Join(c.encode, err)
}

func (c jsonCodec) Decode(_ context.Context, _ event.Type, value []byte, into any) error {
	return errors.Join(c.decode, json.Unmarshal(value, into))
}

// tampered is a store that lets a test interfere with its appends and reads. A nil function
// interferes with nothing.
type tampered struct {
	eventstore.Store
	before func()                     // called before each append
	after  func() error               // called after each successful append; its error becomes the append's
	read   func(r *eventstore.Record) // called with each record of a stream
	tries  int                        // appends so far
}

func (s *tampered) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if len(c.Records) == 0 {
		return s.Store.Append(ctx, c)
	}
	s.tries++
	if s.before != nil {
		s.before()
	}
	result, err := s.Store.Append(ctx, c)
	if err == nil && s.after != nil {
		err = s.after()
	}
	return result, err
}

func (s *tampered) AppendEach(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	return each(ctx, commits, s.Append)
}

// each appends a list commit by commit, so that a store that interferes with appends sees them all.
func each(
	ctx context.Context, commits []eventstore.Commit,
	one func(context.Context, eventstore.Commit) (eventstore.Result, error),
) []eventstore.Answer {
	answers := make([]eventstore.Answer, len(commits))
	for i, c := range commits {
		answers[i].Result, answers[i].Err = one(ctx, c)
	}
	return answers
}

func (s *tampered) ReadStream(
	ctx context.Context, stream eventstore.Stream, from int64,
) iter.Seq2[eventstore.Record, error] {
	return s.tamper(s.Store.ReadStream(ctx, stream, from))
}

func (s *tampered) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	records, at := s.Store.ReadQueued(ctx, after, with...)
	return s.tamper(records), at
}

func (s *tampered) tamper(records iter.Seq2[eventstore.Record, error]) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range records {
			if s.read != nil {
				s.read(&r)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func newStore(t *testing.T) *memory.Store {
	t.Helper()
	return newStoreOf(t, "Shop", "Customer", "Account")
}

func newStoreOf(t *testing.T, categories ...string) *memory.Store {
	t.Helper()
	store, err := memory.New(memory.Config{Categories: categories})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func newRepository(t *testing.T, store eventstore.Store, cfg aggregate.Config) *aggregate.Repository[shop] {
	t.Helper()
	r, err := aggregate.NewRepository(t.Context(), shops(), store, jsonCodec{}, cfg)
	require.NoError(t, err)
	return r
}

// history returns the stored events of an aggregate.
func history(t *testing.T, r *aggregate.Repository[shop], id string) []event.Stored[shopEvent] {
	t.Helper()
	var all []event.Stored[shopEvent]
	for e, err := range r.History(t.Context(), id, 1) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// plain returns the events without their headers.
func plain(stored []event.Stored[shopEvent]) []shopEvent {
	var events []shopEvent
	for _, e := range stored {
		events = append(events, e.Events...)
	}
	return events
}

// errOf returns the error of a command or an update.
func errOf(_ eventstore.Outcome, err error) error { return err }
