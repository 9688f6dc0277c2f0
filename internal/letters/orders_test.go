package letters_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

const byStream, byKey = subscription.ByStream, subscription.ByPartitionKey

// note is an entry about the event at an offset, whose stream is stream(offset).
type note struct {
	order  subscription.Order
	kind   letters.Kind
	offset int64
}

func (n note) at(position int64) letters.Entry {
	return letters.Entry{
		LetterID: subscription.LetterID{Handler: "h", Topic: "t", Offset: n.offset}, Kind: n.kind, Position: position,
		Key: []byte(stream(n.offset)), PartitionKey: "k", Order: n.order,
	}
}

func log(notes ...note) []letters.Entry {
	entries := make([]letters.Entry, len(notes))
	for i, n := range notes {
		entries[i] = n.at(int64(i))
	}
	return entries
}

// Letters are divided by their keys in the order of the process that handles them. The offsets 4
// and 6 are of one stream, 5 and 7 of another one of the same partition key.
func TestLettersOfBothOrders(t *testing.T) {
	t.Parallel()
	const dead, waiting, redrive = letters.Dead, letters.Waiting, letters.Redrive
	const failed, handled, discarded = letters.Failed, letters.Handled, letters.Discarded
	type lanes map[string][]int64
	for name, c := range map[string]struct {
		log   []note
		order subscription.Order
		want  lanes
		due   []string
	}{
		"one key in its order": {
			[]note{{byKey, dead, 4}, {byKey, waiting, 5}}, byKey, lanes{"k": {4, 5}}, nil,
		},
		"streams in their order": {
			[]note{{byStream, dead, 4}, {byStream, dead, 5}}, byStream, lanes{"k/even": {4}, "k/odd": {5}}, nil,
		},
		"what waited for another stream goes on": {
			[]note{{byKey, dead, 4}, {byKey, waiting, 5}, {byKey, waiting, 6}},
			byStream,
			lanes{"k/even": {4, 6}, "k/odd": {5}},
			[]string{"k/odd"},
		},
		"streams become one key": {
			[]note{{byStream, dead, 5}, {byStream, dead, 4}, {byStream, waiting, 6}}, byKey, lanes{"k": {4, 5, 6}}, nil,
		},
		"a key is asked for": {
			[]note{{byKey, dead, 4}, {byKey, waiting, 5}, {byKey, redrive, 5}},
			byKey,
			lanes{"k": {4, 5}},
			[]string{"k"},
		},
		"a stream is asked for, and another one comes before it": {
			[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byStream, redrive, 5}},
			byKey,
			lanes{"k": {4, 5}},
			[]string{"k"},
		},
		"a stream is asked for that is alone": {
			[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byStream, redrive, 5}},
			byStream,
			lanes{"k/even": {4}, "k/odd": {5}},
			[]string{"k/odd"},
		},
		"a key is asked for, and its streams are handled": {
			[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byKey, redrive, 4}},
			byStream,
			lanes{"k/even": {4}, "k/odd": {5}},
			[]string{"k/even", "k/odd"},
		},
		"the request was before the other stream's letter": {
			[]note{{byStream, dead, 5}, {byStream, redrive, 5}, {byStream, dead, 4}}, byKey, lanes{"k": {4, 5}}, nil,
		},
		"the other stream's letter is given up": {
			[]note{{byStream, dead, 5}, {byStream, redrive, 5}, {byStream, dead, 4}, {byKey, discarded, 4}},
			byKey,
			lanes{"k": {5}},
			[]string{"k"},
		},
		"what was asked for is handled": {
			[]note{{byStream, dead, 5}, {byStream, dead, 4}, {byStream, redrive, 4}, {byStream, handled, 4}},
			byKey,
			lanes{"k": {5}},
			nil,
		},
		"what was asked for is handled by partition key": {
			[]note{{byStream, dead, 5}, {byStream, dead, 4}, {byStream, redrive, 4}, {byKey, handled, 4}},
			byKey,
			lanes{"k": {5}},
			nil,
		},
		"what was asked for is discarded": {
			[]note{{byStream, dead, 5}, {byStream, dead, 4}, {byStream, redrive, 4}, {byStream, discarded, 4}},
			byKey,
			lanes{"k": {5}},
			nil,
		},
		"a key is asked for, and its only letter fails by stream": {
			[]note{{byKey, dead, 4}, {byKey, redrive, 4}, {byStream, failed, 4}}, byKey, lanes{"k": {4}}, nil,
		},
		"a request of another stream is not ended by a stream's failure": {
			[]note{
				{byStream, dead, 4},
				{byStream, dead, 5},
				{byStream, redrive, 5},
				{byStream, redrive, 4},
				{byStream, failed, 4},
			},
			byKey,
			lanes{"k": {4, 5}},
			[]string{"k"},
		},
		"a key's failure ends all requests": {
			[]note{{byStream, dead, 4}, {byStream, dead, 5}, {byStream, redrive, 5}, {byKey, failed, 4}},
			byStream,
			lanes{"k/even": {4}, "k/odd": {5}},
			nil,
		},
		"a stream's failure ends the request for it": {
			[]note{{byStream, dead, 4}, {byKey, redrive, 4}, {byStream, failed, 4}},
			byStream,
			lanes{"k/even": {4}},
			nil,
		},
		"a failure in the other order is a failure": {
			[]note{{byKey, dead, 4}, {byKey, waiting, 5}, {byStream, failed, 5}},
			byStream,
			lanes{"k/even": {4}, "k/odd": {5}},
			nil,
		},
		"handled in the other order": {
			[]note{{byKey, dead, 4}, {byKey, waiting, 5}, {byStream, handled, 5}}, byKey, lanes{"k": {4}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := letters.NewParked(c.order)
			for _, e := range log(c.log...) {
				p.Apply(&e)
			}
			p = p.Clone()
			found := make(lanes)
			var due []string
			for _, key := range p.Keys() {
				found[key] = offsetsOf(p.Lane(key))
				if p.Due(key) {
					due = append(due, key)
				}
			}
			require.Equal(t, c.want, found)
			require.Equal(t, c.due, due)
		})
	}
}

// A letter says that the events before it are done. It says so of its stream or of its partition
// key, by the order in which it was set aside.
func TestWhatALetterSaysOfEventsBeforeIt(t *testing.T) {
	t.Parallel()
	same, other := letters.Key{Stream: "k/even", Partition: "k"}, letters.Key{Stream: "k/odd", Partition: "k"}
	named := letters.Key{Stream: "k", Partition: "k"} // its stream has the name of the partition key
	for order, others := range map[subscription.Order]bool{byStream: false, byKey: true} {
		for _, today := range []subscription.Order{byStream, byKey} {
			p := letters.NewParked(today)
			e := note{order, letters.Dead, 4}.at(0)
			p.Apply(&e)
			require.True(t, p.Passed(same, 2))
			require.Equal(t, others, p.Passed(other, 3), "set aside %s", order)
			require.Equal(t, others, p.Passed(named, 3), "set aside %s", order)
			require.False(t, p.Passed(other, 5))
		}
	}
}

// The ledger goes by what the handler's process wrote last.
func TestLedgerKnowsTheOrder(t *testing.T) {
	t.Parallel()
	var g letters.Ledger
	const waiting = letters.Waiting
	for _, e := range log(note{byKey, letters.Dead, 4}, note{byKey, waiting, 5}, note{byKey, waiting, 6}) {
		g.Learn(e)
	}
	all := g.List("h")
	for i, l := range all {
		require.Equal(t, "k", l.Key)
		require.Equal(t, stream(int64(4+i)), l.AggregateID)
		require.False(t, l.Redrive, "it waits behind the first one")
	}
	open, _ := g.Find(all[1].ID)
	asked := *open.Request(letters.Redrive, time.Unix(0, 100), "why")
	require.Equal(t, "k", asked.Keys().In(asked.Order), "a request is for the key")
	require.Equal(t, all[1].ID, asked.LetterID)
	asked.Position = 100
	g.Learn(asked)
	for _, l := range g.List("h") {
		require.True(t, l.Redrive)
		_, traces := g.Find(l.ID)
		require.Equal(t, "redrive", traces[1].What, "it is asked for with the key")
	}

	failed := note{byStream, letters.Failed, 5}.at(101) // the handler was started by stream, and goes on with 5
	g.Learn(failed)
	all = g.List("h")
	require.Equal(t, []string{"k/even", "k/odd", "k/even"}, []string{all[0].Key, all[1].Key, all[2].Key})
	require.True(t, all[0].Redrive, "the key was asked for")
	require.False(t, all[1].Redrive)
	open, _ = g.Find(all[1].ID)
	asked = *open.Request(letters.Discarded, time.Unix(0, 102), "why")
	require.Equal(t, byStream, asked.Order)
	g.Learn(asked)
	require.Len(t, g.List("h"), 2)

	g.Learn(note{byKey, letters.Failed, 4}.at(103))
	for _, l := range g.List("h") {
		require.Equal(t, "k", l.Key)
		require.False(t, l.Redrive)
	}
}

// A request for a key is told of all its letters, also of those that are handled by now.
func TestHistoryOfALetterOfAKey(t *testing.T) {
	t.Parallel()
	entries := log(
		note{byKey, letters.Dead, 4},
		note{byKey, letters.Waiting, 5},
		note{byKey, letters.Redrive, 4},
		note{byStream, letters.Redrive, 4},
		note{byKey, letters.Handled, 4},
		note{byKey, letters.Handled, 5},
	)
	for offset, want := range map[int64][]string{
		4: {"dead", "redrive", "redrive", "handled"},
		5: {"waiting", "redrive", "handled"},
	} {
		h := letters.History{Of: entries[offset-4].LetterID}
		for _, e := range entries {
			h.Learn(e)
		}
		require.Equal(t, want, whats(h.Traces))
	}
}

// The other events of a letter's commit are told with what the log and the group's offset say.
func TestPartsOfALettersCommit(t *testing.T) {
	t.Parallel()
	commit := make([]eventstore.Record, 8)
	for i := range commit {
		r := &commit[i]
		r.Category, r.AggregateID, r.AggregateVersion = "C", stream(int64(10+i)), int64(i+1)
		r.Position.Offset, r.Commit = int64(10+i), eventstore.CommitPart{Index: i + 1, Size: len(commit)}
	}
	entries := log(
		note{byStream, letters.Dead, 10},
		note{byStream, letters.Handled, 10},
		note{byStream, letters.Dead, 12},
		note{byStream, letters.Waiting, 14},
		note{byStream, letters.Dead, 13},
		note{byStream, letters.Discarded, 13},
	)
	const handled, unhandled = subscription.StateHandled, subscription.StateUnhandled
	for committed, want := range map[int64]map[int64]subscription.State{
		0: {
			10: handled, 11: handled, 13: subscription.StateDiscarded, 14: subscription.StateWaiting, 15: unhandled,
			16: unhandled, 17: unhandled,
		},
		16: {
			10: handled, 11: handled, 13: subscription.StateDiscarded, 14: subscription.StateWaiting, 15: handled,
			16: unhandled, 17: unhandled,
		},
	} {
		var g letters.Ledger
		for _, e := range entries {
			g.Learn(e)
		}
		parts := g.Parts(&entries[2], commit, committed)
		require.Len(t, parts, len(commit)-1)
		found := make(map[int64]subscription.State)
		for _, p := range parts {
			require.Equal(t, eventstore.Stream{Category: "C", ID: stream(p.Offset)}, p.Stream)
			require.Equal(t, p.Offset-9, p.Version)
			found[p.Offset] = p.State
		}
		require.Equal(t, want, found)

		require.Equal(t, subscription.StateDead, g.Parts(&entries[3], commit, committed)[2].State)
		g.Learn(note{byStream, letters.Rewound, 0}.at(6))
		require.Equal(t, committed > 10, g.Parts(&entries[2], commit, committed)[0].State == handled,
			"somebody has set the group's offset back")
	}
	require.Equal(t, subscription.StateUnhandled, new(letters.Ledger).Parts(&entries[2], commit, 0)[0].State)
}
