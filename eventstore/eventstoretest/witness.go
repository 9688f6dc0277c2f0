package eventstoretest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// witness is a handler that remembers what it is called with of some streams.
type witness struct {
	group   string
	streams string // how their ids begin
	fail    func(ctx context.Context, r eventstore.Record) error

	mu       sync.Mutex
	calls    map[string]int      // by event id
	done     map[string][]string // ids of the events that were handled, in that order, by aggregate
	inside   map[string]bool     // aggregates whose event is being handled
	together string              // an aggregate of which two events were handled at once

	doneOf     map[string][]string // the same by partition key, as eventstore.BeforeSlash has it
	insideOf   map[string]bool
	togetherOf map[string]bool // partition keys of which two events were handled at once
}

// newWitness returns a witness of streams that nobody else uses, for a new group.
func newWitness() *witness { return witnessOf("s-" + ids.New() + "-") }

func witnessOf(streams string) *witness {
	return &witness{
		group: "group/" + ids.New(), streams: streams,
		fail:  func(context.Context, eventstore.Record) error { return nil },
		calls: make(map[string]int), done: make(map[string][]string), inside: make(map[string]bool),
		doneOf: make(map[string][]string), insideOf: make(map[string]bool), togetherOf: make(map[string]bool),
	}
}

// stream returns the id of a stream of the witness.
func (w *witness) stream(name string) string { return w.streams + name }

// handle is the handler. It passes over what is not of the witness.
func (w *witness) handle(ctx context.Context, r eventstore.Record) error {
	if !strings.HasPrefix(r.AggregateID, w.streams) {
		return nil
	}
	w.enter(r)
	defer w.leave(r)
	if err := w.fail(ctx, r); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[r.AggregateID] = append(w.done[r.AggregateID], r.ID)
	key := eventstore.BeforeSlash.Of(r.AggregateID)
	w.doneOf[key] = append(w.doneOf[key], r.ID)
	return nil
}

func (w *witness) enter(r eventstore.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[r.ID]++
	if w.inside[r.AggregateID] {
		w.together = r.AggregateID
	}
	w.inside[r.AggregateID] = true
	key := eventstore.BeforeSlash.Of(r.AggregateID)
	w.togetherOf[key] = w.togetherOf[key] || w.insideOf[key]
	w.insideOf[key] = true
}

func (w *witness) leave(r eventstore.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside[r.AggregateID] = false
	w.insideOf[eventstore.BeforeSlash.Of(r.AggregateID)] = false
}

// of returns the events of an aggregate that were handled, in that order.
func (w *witness) of(id string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.done[id])
}

// ofKey returns the events of a partition key that were handled, in that order.
func (w *witness) ofKey(key string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.doneOf[key])
}

// onceOfKey is once for the events of a partition key.
func (w *witness) onceOfKey(ctx context.Context, t test, key string, want []string) {
	t.Helper()
	until(ctx, t, "all events of a partition key are handled", func() bool { return len(w.ofKey(key)) >= len(want) },
		func() any { return fmt.Sprintf("found %v, expected %v", w.ofKey(key), want) })
	if found := w.ofKey(key); !slices.Equal(found, want) {
		fatal(t, "the events of a partition key are not handled in order and once", "found", found, "expected", want)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.togetherOf[key] {
		fatal(t, "two events of a partition key are handled at once", key)
	}
}

// forgetTogether forgets that events of a partition key were handled at once: the order by stream
// lets them. Nothing must be handled meanwhile.
func (w *witness) forgetTogether() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.togetherOf)
}

// called returns how often the handler was called with an event.
func (w *witness) called(eventID string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[eventID]
}

// saw waits until the events of an aggregate were handled, and fails if they were in another order.
// Those that were handled again count once.
func (w *witness) saw(ctx context.Context, t test, id string, want []string) {
	t.Helper()
	until(ctx, t, "all events of an aggregate are handled", func() bool { return len(distinct(w.of(id))) >= len(want) },
		func() any { return fmt.Sprintf("found %v, expected %v", w.of(id), want) })
	if found := distinct(w.of(id)); !slices.Equal(found, want) {
		fatal(t, "the events of an aggregate are not handled in order", "found", found, "expected", want)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.together != "" {
		fatal(t, "two events of an aggregate are handled at once", w.together)
	}
}

// once is saw, and fails if one was handled twice.
func (w *witness) once(ctx context.Context, t test, id string, want []string) {
	t.Helper()
	w.saw(ctx, t, id, want)
	if found := w.of(id); !slices.Equal(found, want) {
		fatal(t, "events are handled twice, though nothing went wrong", "found", found, "expected", want)
	}
}

// distinct leaves the first of each.
func distinct(all []string) []string {
	var found []string
	for _, id := range all {
		if !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found
}
