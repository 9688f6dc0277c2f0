package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
)

// world is all that a decision can see at one moment.
type world struct {
	purses  map[string]purse
	applied map[string]bool
	queued  []*queued // commits that were queued at first, in order
}

func (w world) group() *group {
	return aggregate.NewGroup(
		func(id string) purse { return w.purses[id] },
		func(_, commandID string) bool { return w.applied[commandID] })
}

// after returns the world after a commit.
func (w world) after(commandID string, changes []change) world {
	next := world{maps.Clone(w.purses), maps.Clone(w.applied), w.queued}
	for _, c := range changes {
		p := next.purses[c.ID]
		for _, e := range c.Events {
			e.Apply(&p)
		}
		next.purses[c.ID] = p
	}
	if commandID != "" {
		next.applied[commandID] = true
	}
	return next
}

// look is one thing that a decision looks at.
type look struct {
	id      string // of a purse; "heir": the heir of the purse before
	command string // asked for, if not empty
}

var (
	purseIDs   = []string{"l/a", "l/b", "l/c", "l/d"}
	commandIDs = []string{"c-1", "c-2", "own"}
)

// decision returns a decision that looks at these things. Its answer says what it has seen. It
// calls meanwhile before each look.
func decision(looks []look, write []string, meanwhile func()) func(*group) ([]change, error) {
	return func(g *group) ([]change, error) {
		seen, sum, heir := "", 0, "l/a"
		for _, l := range looks {
			meanwhile()
			id := l.id
			if id == "heir" {
				id = heir
			}
			if l.command != "" {
				seen += fmt.Sprintf("%s %t, ", l.command, g.Applied(id, l.command))
				continue
			}
			p := g.State(id)
			if p.Heir != "" {
				heir = p.Heir
			}
			seen += fmt.Sprintf("%s %d %s, ", id, p.Balance, p.Heir)
			sum += p.Balance
		}
		switch sum % 3 {
		case 0:
			return nil, errors.New(seen)
		case 1:
			return nil, nil
		}
		var changes []change
		for _, id := range write {
			changes = append(changes, aggregate.On(id, noted{seen}, paidIn{sum%5 + 1}))
		}
		return changes, nil
	}
}

func drawLooks(t *rapid.T) []look {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) look {
		l := look{id: rapid.SampledFrom(append([]string{"heir", "heir"}, purseIDs...)).Draw(t, "id")}
		if rapid.IntRange(0, 2).Draw(t, "asks") == 0 {
			l.command = rapid.SampledFrom(commandIDs).Draw(t, "command")
		}
		return l
	}), 0, 5).Draw(t, "looks")
}

// others commit at every step of an update: they store commits, queue them, and withdraw them.
type others struct {
	t      *rapid.T
	store  *queueing
	left   int // so often
	worlds []world
	before map[*queued]world // the world before it was queued
}

func newOthers(t *rapid.T, store *queueing, left int) *others {
	o := &others{
		t: t, store: store, left: left, before: make(map[*queued]world),
		worlds: []world{{purses: map[string]purse{}, applied: map[string]bool{}}},
	}
	store.withdrawn = func(c *queued) { o.worlds = append(o.worlds, o.before[c]) }
	store.read = func(string) { o.interfere() }
	store.asked = o.interfere
	store.entered = o.interfere
	return o
}

func (o *others) now() world { return o.worlds[len(o.worlds)-1] }

// interfere does something, or nothing.
func (o *others) interfere() {
	if o.left == 0 || rapid.IntRange(0, 2).Draw(o.t, "interferes") > 0 {
		return
	}
	o.left--
	n := len(o.store.queued)
	switch what := rapid.IntRange(0, 4).Draw(o.t, "what"); {
	case what == 0 && n > 0:
		o.store.withdraw(rapid.IntRange(0, n-1).Draw(o.t, "withdrawn"))
	case what == 1 && n > 0:
		o.store.settle(o.t.Context())
	default:
		o.commit(what == 2 && n == 0)
	}
}

// commit makes some changes. They are queued at first, or stored at once.
func (o *others) commit(stored bool) {
	changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		id := rapid.SampledFrom(purseIDs).Draw(t, "changed")
		if rapid.Bool().Draw(t, "heir") {
			return aggregate.On(id, heirNamed{rapid.SampledFrom(purseIDs).Draw(t, "heir")})
		}
		return aggregate.On(id, paidIn{rapid.IntRange(1, 9).Draw(t, "amount")})
	}), 1, 3).Draw(o.t, "changes")
	commandID := rapid.SampledFrom(append([]string{"", ""}, commandIDs...)).Draw(o.t, "of command")
	if o.now().applied[commandID] {
		return
	}
	c, err := o.store.made(digested(o.t.Context(), commandID), changes)
	require.NoError(o.t, err)
	q := &queued{Commit: c, breaks: !stored && rapid.IntRange(0, 3).Draw(o.t, "breaks") == 0}
	next := o.now().after(commandID, changes)
	next.queued = append(slices.Clone(next.queued), q)
	o.before[q] = o.now()
	o.worlds = append(o.worlds, next)
	o.store.queued = append(o.store.queued, q)
	if stored {
		o.store.settle(o.t.Context())
	}
}

// since returns the worlds from number first on that were not withdrawn. It stores all that is
// still queued.
func (o *others) since(first int) []world {
	for _, q := range o.store.queued {
		q.breaks = false
	}
	for len(o.store.queued) > 0 {
		o.store.settle(o.t.Context())
	}
	return slices.DeleteFunc(slices.Clone(o.worlds[first:]), func(w world) bool {
		return slices.ContainsFunc(w.queued, func(q *queued) bool { return q.broken })
	})
}

// TestUpdateAllSerializable lets others commit at every step of an update. The update must do
// as its decision does in the world right before its commit. An answer without events must be
// one that the decision gives in some world since the call, of which nothing was withdrawn. The
// decision sees one world, also if that is withdrawn.
func TestUpdateAllSerializable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inner, err := memory.New(memory.Config{
			Categories: []string{"Purse"}, Partitions: 1,
			PartitionKeys: map[string]eventstore.PartitionKey{"Purse": eventstore.BeforeSlash},
		})
		require.NoError(t, err)
		defer inner.Close()
		store := &queueing{ledger: &ledger{Store: inner}}
		others := newOthers(t, store, 12)
		for range 3 {
			others.interfere()
		}
		cache := rapid.SampledFrom([]aggregate.Cache{{}, {}, {MaxBytes: 600}, {Off: true}}).Draw(t, "cache")
		snapshots := aggregate.Snapshots{
			Every: rapid.Int64Range(1, 3).Draw(t, "events to a snapshot"), Off: rapid.Bool().Draw(t, "no snapshots"),
		}
		r, err := aggregate.NewRepository(t.Context(), purses(), store, jsonCodec{}, aggregate.Config{
			Cache: cache, Snapshots: snapshots, Hooks: aggregate.Hooks{
				SnapshotKept:    func(_ context.Context, s aggregate.SnapshotKept) { require.NoError(t, s.Err) },
				SnapshotDropped: func(_ context.Context, s aggregate.SnapshotDropped) { require.NoError(t, s.Err) },
			},
		})
		require.NoError(t, err)
		for range rapid.IntRange(0, 3).Draw(t, "updates before") {
			others.update(t, r, false)
			others.left += 3
		}
		others.update(t, r, rapid.Bool().Draw(t, "by command"))
	})
}

// update makes an update, by the command "own" or by none.
func (o *others) update(t *rapid.T, r *aggregate.Repository[purse], byCommand bool) {
	before, own := len(o.worlds)-1, ""
	looks := drawLooks(t)
	write := rapid.SliceOfN(rapid.SampledFrom(purseIDs), 1, 3).Draw(t, "writes")
	decide, meanwhile := decision(looks, write, func() {}), decision(looks, write, o.interfere)
	ctx := t.Context()
	if byCommand {
		own = "own"
		ctx = digested(ctx, own)
	}
	answers := func(worlds []world, unapplied bool) []string { // of the decision
		var all []string
		for _, w := range worlds {
			if !unapplied || !w.applied["own"] {
				all = append(all, fmt.Sprint(decide(w.group())))
			}
		}
		return all
	}
	var made []change // by the update
	outcome, err := r.UpdateAll(ctx, func(g *group) ([]change, error) {
		var refused error
		made, refused = meanwhile(g)
		require.Contains(t, answers(o.worlds, false), fmt.Sprint(made, refused), "it sees one world")
		return made, refused
	})

	switch {
	case outcome.Repeated:
		require.NoError(t, err)
		require.Equal(t, didOwn(t, r), told(outcome.Events))
	case len(outcome.Events) > 0:
		require.NoError(t, err)
		want, refused := decide(o.now().group())
		require.NoError(t, refused)
		require.Equal(t, want, made)
		require.Len(t, outcome.Events, 2*len(made))
		o.worlds = append(o.worlds, o.now().after(own, made))
		if byCommand {
			require.Equal(t, didOwn(t, r), told(outcome.Events), "it is applied once")
		}
	default:
		answer := fmt.Sprint([]change(nil), err)
		require.Contains(t, answers(o.since(before), byCommand && len(looks) > 0), answer)
	}
}

// didOwn returns what the command "own" has done.
func didOwn(t *rapid.T, r *aggregate.Repository[purse]) []string {
	var own []event.Stored[any]
	for e, err := range r.Events(t.Context(), eventstore.Beginning()) {
		require.NoError(t, err)
		if e.CommandID == "own" {
			own = append(own, event.Stored[any]{Header: e.Header})
		}
	}
	return told(own)
}
