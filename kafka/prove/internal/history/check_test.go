package history_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

const stream = "s"

// told builds a history by hand. The calls give the times.
type told struct {
	ops    []history.Op
	owners history.Owners
	log    []history.Record
}

// oneStore has one store, number 0, and no other store overtakes it.
func oneStore() *told {
	return &told{owners: history.Owners{Openings: []history.Opening{{Call: 1, Return: 2, Opened: true}}}}
}

// twoStores are store 0 and store 1, opened from time 50 to 60.
func twoStores() *told {
	t := oneStore()
	t.owners.Openings = append(t.owners.Openings, history.Opening{Call: 50, Return: 60, Opened: true})
	return t
}

func (t *told) add(call, returned int64, op history.Op) *told {
	op.ID, op.Stream, op.Call, op.Return = int64(len(t.ops)+1), stream, call, returned
	t.ops = append(t.ops, op)
	return t
}

// stored adds an append of n events that was acknowledged, at the end of the log.
func (t *told) stored(call, returned int64, op history.Op, n int) *told {
	op.Outcome, op.Events, op.First, op.Last = history.Appended, n, int64(len(t.log)+1), int64(len(t.log)+n)
	op.Offset = int64(100 + len(t.log) + n - 1)
	return t.add(call, returned, op).logged(len(t.ops))
}

// logged puts the events of op at the end of the log.
func (t *told) logged(op int) *told {
	o := t.ops[op-1]
	first := int64(len(t.log) + 1)
	for i := range o.Events {
		t.log = append(t.log, history.Record{
			Offset: int64(100 + len(t.log)), Stream: stream, Event: o.EventID(i), Command: o.Command,
			Version: first + int64(i), First: first, Length: o.Events,
		})
	}
	return t
}

func (t *told) events(n int) []string {
	var all []string
	for _, r := range t.log[:n] {
		all = append(all, r.Event)
	}
	return all
}

func (t *told) broken() map[string]bool {
	rules := make(map[string]bool)
	for _, v := range history.Check(t.ops, t.owners, t.log, "") {
		rules[v.Rule] = true
	}
	return rules
}

func rules(names ...string) map[string]bool {
	all := make(map[string]bool)
	for _, n := range names {
		all[n] = true
	}
	return all
}

func TestSoundHistories(t *testing.T) {
	a := history.Op{Expected: history.Any}
	for name, h := range map[string]*told{
		"nothing": oneStore(),
		"appends at versions": oneStore().stored(3, 4, history.Op{Expected: 0}, 2).stored(5, 6, history.Op{Expected: 2},
			1),
		"conflict": oneStore().stored(3, 4, a, 2).
			add(5, 6, history.Op{Expected: 1, Events: 1, Outcome: history.Conflict, Actual: 2}),
		"concurrent, the later call first": oneStore().stored(3, 10, a, 1).stored(4, 5, a, 1),
		"unknown and never stored": oneStore().add(3, history.Forever, history.Op{Events: 1}).stored(5, 6, a,
			1),
		"unknown and stored later": oneStore().add(3, history.Forever, history.Op{Events: 2, Expected: history.Any}).
			stored(5, 6, a, 1).logged(1),
		"repeated": oneStore().stored(3, 4, history.Op{Expected: 0, Command: "c"}, 2).stored(5, 6, a, 1).
			add(7, 8, history.Op{
				Expected: 0, Command: "c", Events: 2, Outcome: history.Appended, Repeated: true,
				First: 1, Last: 2,
			}),
		"an overtaken store is behind": twoStores().stored(3, 4, a, 1).stored(70, 71, history.Op{Expected: 1, Store: 1},
			1).
			add(80, 81, history.Op{Expected: 2, Events: 1, Outcome: history.Conflict, Actual: 1}),
		"refused, before": oneStore().add(3, 4, history.Op{Events: 1, Outcome: history.NotAppended}).stored(5, 6, a, 1),
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, h.broken()) })
	}
}

func TestReads(t *testing.T) {
	h := oneStore().stored(3, 4, history.Op{Expected: 0}, 2)
	require.Empty(t, h.add(5, 6, history.Op{Kind: history.Read, Outcome: history.Answered, Seen: h.events(2)}).broken())
	h.add(7, 8, history.Op{Kind: history.Read, Outcome: history.Answered, Seen: h.events(1)})
	require.Equal(t, rules(history.RuleMonotone, history.RuleLinearizable), h.broken())

	h = oneStore().stored(3, 4, history.Op{Expected: 0}, 2)
	h.add(5, 6, history.Op{Kind: history.Read, Outcome: history.Answered, Seen: []string{"1.1", "1.0"}})
	require.Equal(t, rules(history.RulePrefix, history.RuleLinearizable), h.broken())
}

// A refusal has no excuse. Its store may have been overtaken, or the partitions may be shared, and
// still the refusal must be exact.
func TestRefusals(t *testing.T) {
	refused := func(h *told, n int) history.Op {
		return history.Op{Kind: history.Refusal, Store: 0, Outcome: history.Answered, Seen: h.events(n)}
	}
	overtaken := func() *told { // store 0 has stored version 1, store 1 version 2, acknowledged at time 71
		return twoStores().stored(3, 4, history.Op{Expected: 0}, 1).stored(70, 71, history.Op{Expected: 1, Store: 1}, 1)
	}
	h := overtaken()
	require.Empty(t, h.add(72, 73, refused(h, 2)).broken(), "it is of the present")
	h = overtaken()
	require.Empty(t, h.add(69, 90, refused(h, 1)).broken(), "it was asked for while version 1 was the last")
	h = overtaken()
	require.Empty(t, h.add(72, history.Forever, history.Op{Kind: history.Refusal, Outcome: history.Failed}).broken(),
		"there is no answer")
	h = overtaken()
	require.Equal(t, rules(history.RuleRefusal, history.RuleLinearizable), h.add(72, 73, refused(h, 1)).broken())
	h = overtaken()
	h.owners.Shared = true
	require.Equal(t, rules(history.RuleRefusal, history.RuleLinearizable), h.add(72, 73, refused(h, 1)).broken())
	h = overtaken()
	h.add(72, 73, history.Op{Kind: history.Read, Store: 1, Outcome: history.Answered, Seen: h.events(2)})
	h.ops[1].Outcome, h.ops[1].Return = history.Unknown, history.Forever
	require.Equal(t, rules(history.RuleRefusal, history.RuleLinearizable), h.add(74, 75, refused(h, 1)).broken(),
		"nobody had acknowledged version 2, but it had been read")
	h = overtaken()
	early := refused(h, 2)
	early.Store = 1
	require.Equal(t, rules(history.RulePrefix, history.RuleLinearizable), h.add(61, 62, early).broken(),
		"it is from the future")
}

// A decision on queued events must have been stored behind exactly these events.
func TestDecisionsOnQueuedEvents(t *testing.T) {
	decided := func(seen ...string) history.Op {
		return history.Op{Queued: true, Expected: int64(len(seen)), Seen: seen, Unstored: 1}
	}
	require.Empty(t, oneStore().stored(3, 9, history.Op{Expected: 0}, 1).stored(4, 9, decided("1.0"), 1).broken())
	require.Equal(t, rules(history.RulePrefix, history.RuleLinearizable),
		oneStore().stored(3, 9, history.Op{Expected: 0}, 1).stored(4, 9, decided("8.0"), 1).broken(),
		"another event took the version")
	require.Equal(t, rules(history.RulePrefix, history.RuleLinearizable),
		oneStore().stored(3, 9, history.Op{Expected: 0}, 1).stored(4, 9, decided("8.0", "1.0"), 1).broken())
	lost := decided("8.0")
	lost.Events = 1 // it has no answer, but it is in the log
	require.Equal(t, rules(history.RuleLinearizable),
		oneStore().stored(3, 9, history.Op{Expected: 0}, 1).add(4, history.Forever, lost).logged(2).broken())
	unanswered := history.Op{Queued: true, Expected: history.Any, Events: 1}
	require.Empty(t, oneStore().stored(3, 9, history.Op{Expected: 0}, 1).add(4, history.Forever,
		unanswered).logged(2).broken())
}

// The checker finds every kind of lie, by the rule that is meant for it.
func TestBrokenHistories(t *testing.T) {
	any1 := history.Op{Expected: history.Any}
	lost := oneStore().stored(3, 4, any1, 1)
	lost.log = nil
	half := oneStore().stored(3, 4, any1, 2)
	half.log = half.log[:1]
	moved := oneStore().stored(3, 4, any1, 1)
	moved.log[0].Offset++
	foreign := oneStore()
	foreign.log = []history.Record{{Stream: stream, Event: "99.0", Version: 1, First: 1, Length: 1}}
	cases := map[string]struct {
		h    *told
		want map[string]bool
	}{
		"acknowledged and lost":       {lost, rules(history.RuleStored, history.RulePrefix)},
		"half a commit":               {half, rules(history.RuleWhole, history.RuleStored, history.RulePrefix)},
		"elsewhere than acknowledged": {moved, rules(history.RuleStored)},
		"written by nobody":           {foreign, rules(history.RuleOrigin)},
		"stored twice":                {oneStore().stored(3, 4, any1, 1).logged(1), rules(history.RuleStored)},
		"refused and stored": {oneStore().add(3, 4,
			history.Op{Events: 1, Outcome: history.NotAppended}).logged(1), rules(history.RuleNotStored)},
		"conflict and stored": {oneStore().add(3, 4,
			history.Op{Events: 1, Outcome: history.Conflict, Expected: 1}).logged(1), rules(history.RuleNotStored)},
		"command stored twice": {oneStore().stored(3, 4, history.Op{Expected: 0, Command: "c"}, 1).stored(5,
			6, history.Op{Expected: 1, Command: "c"}, 1), rules(history.RuleCommand, history.RuleLinearizable)},
		"expected another version": {
			oneStore().stored(3, 4, any1, 2).stored(5, 6, history.Op{Expected: 1}, 1),
			rules(history.RuleLinearizable),
		},
		"stored before it was asked for": {
			oneStore().stored(5, 6, any1, 1).stored(3, 4, any1, 1),
			rules(history.RuleLinearizable, history.RuleMonotone),
		},
		"conflict with what was expected": {
			oneStore().stored(3, 4, any1, 1).add(5, 6,
				history.Op{Expected: 1, Events: 1, Outcome: history.Conflict, Actual: 1}),
			rules(history.RulePrefix, history.RuleLinearizable),
		},
		"conflict from the past, own": {
			oneStore().stored(3, 4, any1, 2).add(5, 6,
				history.Op{Expected: 0, Events: 1, Outcome: history.Conflict, Actual: 1}),
			rules(history.RuleMonotone, history.RuleLinearizable),
		},
		"conflict from before the opening": {
			twoStores().stored(3, 4, any1, 2).add(70, 71,
				history.Op{Store: 1, Expected: 5, Events: 1, Outcome: history.Conflict, Actual: 1}),
			rules(history.RuleMonotone, history.RuleLinearizable),
		},
		"conflict from the future": {
			oneStore().add(3, 4,
				history.Op{Expected: 0, Events: 1, Outcome: history.Conflict, Actual: 1}).stored(5, 6, any1, 1),
			rules(history.RulePrefix, history.RuleLinearizable),
		},
		"repeated what never was": {
			oneStore().add(3, 4,
				history.Op{Command: "c", Events: 1, Outcome: history.Appended, Repeated: true, First: 1, Last: 1}),
			rules(history.RulePrefix, history.RuleLinearizable),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, c.h.broken(), fmt.Sprint(history.Check(c.h.ops, c.h.owners, c.h.log, "")))
		})
	}
}

func TestLogKeepsTheReaderRule(t *testing.T) {
	l := history.NewLog()
	add := func(offset, producer int64, version int64) {
		l.Add(history.Record{Offset: offset, ProducerID: producer, Stream: stream, Version: version})
	}
	add(0, 1, 1) // no marker yet
	l.Add(history.Record{Offset: 1, ProducerID: 1, Marker: true})
	add(2, 1, 1)
	add(3, 1, 2)
	add(4, 1, 2) // again
	l.Add(history.Record{Offset: 5, ProducerID: 2, Marker: true})
	add(6, 1, 3) // overtaken
	add(7, 2, 3)
	require.Len(t, l.Stream(stream), 3)
	require.Len(t, l.Strays(), 3)
	require.Equal(t, int64(8), l.Next(0))
	records, markers := l.Size()
	require.Equal(t, 6, records)
	require.Equal(t, 2, markers)
}

func TestFindOutdated(t *testing.T) {
	h := twoStores().stored(3, 4, history.Op{Expected: history.Any}, 1).
		stored(70, 75, history.Op{Expected: 1, Store: 1}, 1).
		add(74, 76, history.Op{Expected: 2, Events: 1, Outcome: history.Conflict, Actual: 1}).
		add(80, 81, history.Op{Expected: 2, Events: 1, Outcome: history.Conflict, Actual: 1})
	found := history.FindOutdated(h.ops)
	require.Len(t, found, 1)
	require.Equal(t, int64(4), found[0].Answer.ID)
	require.Equal(t, int64(2), found[0].Acknowledged.ID)
}

func TestOwned(t *testing.T) {
	w := history.Owners{Openings: []history.Opening{
		{Call: 10, Return: 20, Opened: true},
		{Call: 100e9, Return: history.Forever}, // killed? nobody knows
	}}
	require.True(t, w.Owned(0, 0, 30))
	require.False(t, w.Owned(0, 0, 101e9))
	w.Openings[1] = history.Opening{Call: 5, Return: 8}
	require.False(t, w.Owned(0, 0, 30), "its requests may still be on their way")
	w.Proven = map[history.Claimed]int64{{Store: 0, Partition: 2}: 31}
	require.True(t, w.Owned(0, 2, 30), "it appended later")
	require.False(t, w.Owned(0, 2, 32))
	require.False(t, w.Owned(0, 1, 30), "but elsewhere")
	w.Openings[1] = history.Opening{Call: 5, Return: 8, Opened: true}
	require.True(t, w.Owned(0, 0, 30))
}

func TestRecorderSharesReadsAndKeepsWhatIsUnknown(t *testing.T) {
	var now int64
	r := history.NewRecorder(func() int64 { now++; return now })
	op := r.Begin(history.Op{Stream: stream, Events: 1})
	read := r.Begin(history.Op{Stream: stream, Kind: history.Read})
	read.Outcome, read.Seen = history.Answered, []string{"1.0"}
	r.End(read)
	ops := r.Stream(stream)
	require.Equal(t, history.Unknown, ops[0].Outcome)
	require.Equal(t, history.Forever, ops[0].Return)
	require.Equal(t, []string{"1.0"}, ops[1].Seen)
	op.Outcome = history.NotAppended
	r.End(op)
	require.Equal(t, history.NotAppended, r.Stream(stream)[0].Outcome)
	require.Equal(t, []string{stream}, r.Streams())
}

// If many calls last long, there are many orders to try. The versions rule out all but a few before
// the checker sees them.
func TestLongCallsAreDecided(t *testing.T) {
	h := oneStore()
	for i := range int64(60) {
		h.stored(10+i, 1000+i, history.Op{Expected: history.Any}, 1)
		h.add(3, 2000, history.Op{Kind: history.Read, Outcome: history.Answered, Seen: h.events(int(i))})
		h.add(3, 2000, history.Op{Expected: 100, Events: 1, Outcome: history.Conflict, Actual: i})
		h.add(3, history.Forever, history.Op{Events: 1})
	}
	require.Empty(t, h.broken())
	h.add(5000, 5001, history.Op{Expected: 100, Events: 1, Outcome: history.Conflict, Actual: 59})
	require.Equal(t, rules(history.RuleLinearizable, history.RuleMonotone), h.broken())
}

func TestSavedHistoriesAreJudgedAlike(t *testing.T) {
	h := twoStores().stored(3, 4, history.Op{Expected: history.Any}, 1).
		add(5, 6, history.Op{Expected: 1, Events: 1, Outcome: history.Conflict, Actual: 1})
	h.owners.Proven = map[history.Claimed]int64{{Store: 0}: 70}
	path := filepath.Join(t.TempDir(), "case.json")
	require.NoError(t, history.Save(path, h.ops, h.owners, h.log))
	found, err := history.CheckFile(path, "")
	require.NoError(t, err)
	require.Equal(t, history.Check(h.ops, h.owners, h.log, ""), found)
	require.NotEmpty(t, found)
}
