package aggregate_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// purse is the state of the aggregates that are updated together. Those of one ledger have one
// partition key: "l/a" and "l/b" are of ledger l.
type purse struct {
	Balance int
	Frozen  bool
	Heir    string // id of another purse
}

type paidIn struct{ Amount int }

func (paidIn) EventType() string { return "PaidIn" }
func (e paidIn) Apply(p *purse)  { p.Balance += e.Amount }

type paidOut struct{ Amount int }

func (paidOut) EventType() string { return "PaidOut" }
func (e paidOut) Apply(p *purse)  { p.Balance -= e.Amount }

type froze struct{}

func (froze) EventType() string { return "Froze" }
func (froze) Apply(p *purse)    { p.Frozen = true }

type heirNamed struct{ ID string }

func (heirNamed) EventType() string { return "HeirNamed" }
func (e heirNamed) Apply(p *purse)  { p.Heir = e.ID }

// noted changes nothing.
type noted struct{ Text string }

func (noted) EventType() string { return "Noted" }
func (noted) Apply(*purse)      {}

type (
	purseEvent = aggregate.Event[purse]
	change     = aggregate.Change[purse]
	group      = aggregate.Group[purse]
)

func purses() *aggregate.Type[purse] {
	return aggregate.NewType("Purse", paidIn{}, paidOut{}, froze{}, heirNamed{}, noted{})
}

var errPoor = errors.New("insufficient funds")

// transfer is a command over two purses.
type transfer struct {
	From, To string
	Amount   int
}

func (t transfer) Decide(g *group) ([]change, error) {
	if g.State(t.From).Balance < t.Amount {
		return nil, errPoor
	}
	return []change{aggregate.On(t.From, paidOut{t.Amount}), aggregate.On(t.To, paidIn{t.Amount})}, nil
}

// on returns a decision that looks at the purses and makes the changes.
func on(look string, changes ...change) func(*group) ([]change, error) {
	return func(g *group) ([]change, error) {
		for _, id := range strings.Fields(look) {
			g.State(id)
		}
		return changes, nil
	}
}

// refuse returns a decision that looks at the purses and refuses.
func refuse(look string, err error) func(*group) ([]change, error) {
	return func(g *group) ([]change, error) {
		_, _ = on(look)(g)
		return nil, err
	}
}

// ledger is a store of purses that a test tampers with, and counts the calls of. Its functions are
// set while nobody else uses it.
type ledger struct {
	*memory.Store

	asked  func()                                           // before each Applied
	read   func(id string)                                  // before each ReadQueued of a stream
	before func(eventstore.Commit)                          // before each Append
	after  func(eventstore.Commit, eventstore.Result) error // after one that succeeded
	failed func(eventstore.Stream) error                    // what reading fails with, or nil

	refused error // what Append fails with

	mu      sync.Mutex
	reads   []string // ids, in order
	appends []eventstore.Commit
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	store, err := memory.New(memory.Config{
		Categories:    []string{"Purse"},
		PartitionKeys: map[string]eventstore.PartitionKey{"Purse": eventstore.BeforeSlash},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return &ledger{Store: store}
}

func (l *ledger) ReadQueued(
	ctx context.Context, after eventstore.Expectation, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	stream := after.Stream
	l.mu.Lock()
	l.reads = append(l.reads, stream.ID)
	l.mu.Unlock()
	if l.read != nil {
		l.read(stream.ID)
	}
	if l.failed != nil {
		if err := l.failed(stream); err != nil {
			return failing(err), eventstore.Expectation{Stream: stream, Version: -7}
		}
	}
	return l.Store.ReadQueued(ctx, after, with...)
}

func (l *ledger) Applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	if l.asked != nil {
		l.asked()
	}
	return l.Store.Applied(ctx, stream, commandID, with...)
}

// failing yields nothing but err.
func failing(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}

func (l *ledger) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	l.mu.Lock()
	l.appends = append(l.appends, c)
	l.mu.Unlock()
	if l.before != nil {
		l.before(c)
	}
	if l.refused != nil {
		return eventstore.Result{}, l.refused
	}
	result, err := l.Store.Append(ctx, c)
	if err == nil && l.after != nil {
		err = l.after(c, result)
	}
	return result, err
}

func (l *ledger) AppendEach(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	return each(ctx, commits, l.Append)
}

// last returns the last commit or check that was appended, and how many there were.
func (l *ledger) last(t *testing.T) (c eventstore.Commit, n int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(t, l.appends)
	return l.appends[len(l.appends)-1], len(l.appends)
}

// expected returns what a commit expects: "l/a 1", and "c-1" or "not c-1".
func expected(c eventstore.Commit) []string {
	var all []string
	for _, e := range c.Expect {
		all = append(all, e.Stream.ID+" "+string(rune('0'+int(e.Version))))
	}
	for _, e := range c.ExpectCommands {
		if e.Applied {
			all = append(all, e.CommandID)
		} else {
			all = append(all, "not "+e.CommandID)
		}
	}
	return all
}

func newPurses(t testing.TB, store eventstore.Store, cfg aggregate.Config) *aggregate.Repository[purse] {
	t.Helper()
	r, err := aggregate.NewRepository(t.Context(), purses(), store, jsonCodec{}, cfg)
	require.NoError(t, err)
	return r
}

// pay adds events to a purse, as another process does.
func (l *ledger) pay(t testing.TB, id string, events ...purseEvent) {
	t.Helper()
	l.commit(t, "", aggregate.On(id, events...))
}

// commit makes changes, as another process does that handles the command.
func (l *ledger) commit(t testing.TB, commandID string, changes ...change) {
	t.Helper()
	_, err := newPurses(t, l.Store, aggregate.Config{}).UpdateAll(digested(t.Context(), commandID), on("", changes...))
	require.NoError(t, err)
}

// digested returns a context in which a command is handled whose content is known. It is the same
// for every command id.
func digested(ctx context.Context, commandID string) context.Context {
	if commandID == "" {
		return ctx
	}
	return event.WithCause(ctx, event.Cause{CorrelationID: "k", CommandID: commandID, CommandDigest: "d"})
}

// told returns what happened, such as "l/a 1 PaidIn", in the order of the records.
func told(events []event.Stored[any]) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.AggregateID+" "+string(rune('0'+int(e.AggregateVersion)))+" "+e.Type)
	}
	return all
}

// log returns all that is stored, in the order of the records.
func (l *ledger) log(t *testing.T) []event.Stored[any] {
	t.Helper()
	var all []event.Stored[any]
	for e, err := range newPurses(t, l.Store, aggregate.Config{}).Events(t.Context(), eventstore.Beginning()) {
		require.NoError(t, err)
		one := event.Stored[any]{Header: e.Header, Position: e.Position}
		for _, e := range e.Events {
			one.Events = append(one.Events, e)
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b event.Stored[any]) int {
		return int(a.Position.Partition - b.Position.Partition)
	})
	return all
}
