package eventstoretest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// ledgersBehaveLikeModel makes random commits over the streams of a few partition keys. A few
// slices and maps beside the store say what it must answer.
func ledgersBehaveLikeModel(t test, s *suite) {
	rapid.Check(t, func(t *rapid.T) {
		m := newLedgerModel(t, s)
		t.Repeat(map[string]func(*rapid.T){
			"append":                 m.appendAny,
			"append as expected":     m.appendExpected,
			"append a command again": m.appendAgain,
			"check":                  m.check,
			"read together":          m.readTogether,
			"ask for a command":      m.ask,
			"":                       m.streamsHold, // before and after each of the others
		})
		m.ledgersHold(t)
	})
}

// ledgerModel is what the store should hold of a few fresh partition keys.
type ledgerModel struct {
	s       *suite
	ctx     context.Context //nolint:containedctx // of the one check that the model lives in
	run     string          // unique; all ids begin with it
	appends int
	ledgers []*modelLedger
}

// modelLedger is what the store should hold of one partition key.
type modelLedger struct {
	ledger
	streams []eventstore.Stream
	records map[eventstore.Stream][]eventstore.Record
	ends    map[eventstore.Stream]eventstore.Expectation // of the last reads that succeeded
	order   []ledgerPlace                                // of all records, as appended

	commands []string // ids of those that are stored, oldest first
	results  map[string]eventstore.Result
	digests  map[string]string
}

// ledgerPlace is where the model holds a record.
type ledgerPlace struct {
	stream eventstore.Stream
	index  int
}

func newLedgerModel(t *rapid.T, s *suite) *ledgerModel {
	m := &ledgerModel{s: s, ctx: s.context(t), run: ids.New()}
	odd := strings.ReplaceAll(drawText(t, "partition key"), "/", "")
	for _, key := range []string{m.run + odd, m.run + odd + "x"} {
		l := &modelLedger{
			ledger: ledger{s.ledgers, key}, records: make(map[eventstore.Stream][]eventstore.Record),
			ends:    make(map[eventstore.Stream]eventstore.Expectation),
			results: make(map[string]eventstore.Result), digests: make(map[string]string),
		}
		l.streams = append(l.ledger.streams("", "a", "a/b"), eventstore.Stream{Category: s.ledgers, ID: key})
		m.ledgers = append(m.ledgers, l)
	}
	return m
}

func (m *ledgerModel) draw(t *rapid.T) *modelLedger {
	return rapid.SampledFrom(m.ledgers).Draw(t, "partition key")
}

// version returns the version of a stream.
func (l *modelLedger) version(stream eventstore.Stream) eventstore.Expected {
	return eventstore.Expected(len(l.records[stream]))
}

// append appends to the store and to the model, and compares what they answer.
func (m *ledgerModel) append(t *rapid.T, l *modelLedger, c eventstore.Commit) {
	t.Helper()
	result, err := m.s.store.Append(m.ctx, c)
	m.answered(t, l, c, result, err)
}

// answered compares the answer to a commit with what the model says, and appends to the model.
func (m *ledgerModel) answered(t *rapid.T, l *modelLedger, c eventstore.Commit, result eventstore.Result, err error) {
	t.Helper()
	if first, ok := l.results[c.CommandID]; ok {
		l.repeats(t, c, first, result, err)
		return
	}
	if wrong := l.wrong(c); len(wrong) > 0 {
		conflictOf(t, err, wrong...)
		return
	}
	must(t, "an append whose expectations hold", err)
	if len(c.Records) == 0 {
		if !reflect.DeepEqual(result, eventstore.Result{}) {
			fatal(t, "a check has a result", result)
		}
		return
	}
	if want := l.written(c); result.Repeated || !slices.Equal(result.Streams, want) {
		fatal(t, "an append has another result than expected", result, "expected", want)
	}
	if result.Time.IsZero() {
		fatal(t, "the result of a new commit has no time", result)
	}
	for _, r := range storedCommit(c, result) {
		l.order = append(l.order, ledgerPlace{r.Stream(), len(l.records[r.Stream()])})
		l.records[r.Stream()] = append(l.records[r.Stream()], r)
	}
	if c.CommandID != "" {
		l.commands = append(l.commands, c.CommandID)
		l.results[c.CommandID], l.digests[c.CommandID] = result, c.Digest
	}
}

// repeats fails unless the store answers a command that is stored as it must. The answer is the
// result of its first commit, or that the id names another commit.
func (l *modelLedger) repeats(t *rapid.T, c eventstore.Commit, first, result eventstore.Result, err error) {
	t.Helper()
	stored := l.digests[c.CommandID]
	wrote := make([]eventstore.Stream, len(first.Streams))
	for i, w := range first.Streams {
		wrote[i] = w.Stream
	}
	sameDigest := stored == "" || c.Digest == "" || stored == c.Digest
	if sameDigest && (len(c.Records) == 0 || slices.Equal(sorted(c.Streams()), sorted(wrote))) {
		must(t, "repeating a command", err)
		if !reflect.DeepEqual(result, again(first)) {
			fatal(t, "a repeated command is not answered with the result of its first commit, and Repeated", result,
				"expected", again(first))
		}
		return
	}
	reused(t, err, eventstore.CommandReusedError{
		Stream: c.Stream(), CommandID: c.CommandID, Stored: stored, Given: c.Digest, Wrote: wrote,
	})
}

func sorted(streams []eventstore.Stream) []string {
	var names []string
	for _, s := range streams {
		names = append(names, s.String())
	}
	slices.Sort(names)
	return names
}

// wrong returns a conflict for each expectation that does not hold.
func (l *modelLedger) wrong(c eventstore.Commit) []error {
	var wrong []error
	for _, e := range c.Expect {
		if actual := int64(l.version(e.Stream)); !e.Version.Met(actual) {
			wrong = append(wrong, &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version, Actual: actual})
		}
	}
	for _, e := range c.ExpectCommands {
		if _, applied := l.results[e.CommandID]; applied != e.Applied {
			wrong = append(wrong, &eventstore.CommandConflictError{
				Stream: c.Stream(), CommandID: e.CommandID, Applied: applied,
			})
		}
	}
	return wrong
}

// written returns what a new commit writes.
func (l *modelLedger) written(c eventstore.Commit) []eventstore.Written {
	var written []eventstore.Written
	for _, stream := range c.Streams() {
		w := eventstore.Written{Stream: stream, First: int64(l.version(stream)) + 1, Last: int64(l.version(stream))}
		for _, r := range c.Records {
			if r.Stream() == stream {
				w.Last++
			}
		}
		written = append(written, w)
	}
	return written
}

// ask asks for a command that one of the partition keys holds, or none.
func (m *ledgerModel) ask(t *rapid.T) { m.asks(t, m.draw(t), m.drawKnown(t)) }

// asks fails unless the store knows whether a command is applied, whatever stream of the partition
// key it is asked for.
func (m *ledgerModel) asks(t *rapid.T, l *modelLedger, command string) {
	t.Helper()
	for _, stream := range append(slices.Clone(l.streams), l.stream("never written")) {
		applied, err := m.s.store.Applied(m.ctx, stream, command)
		must(t, "asking for a command", err)
		if _, want := l.results[command]; applied != want {
			fatal(t, "the store is wrong about a command", fmt.Sprintf("found applied %t, expected %t", applied, want))
		}
	}
}

// streamsHold fails unless each stream is as in the model. Here the model learns the positions of
// new records, so every later read must agree on them.
func (m *ledgerModel) streamsHold(t *rapid.T) {
	for i, l := range m.ledgers {
		for j, stream := range l.streams {
			got := m.s.load(m.ctx, t, stream)
			same(t, fmt.Sprintf("stream %d of partition key %d", j, i), got, l.records[stream])
			l.records[stream] = got
		}
	}
}

// ledgersHold fails unless the category holds the records of each partition key, in the order in
// which they were appended. The store must also know all commands.
func (m *ledgerModel) ledgersHold(t *rapid.T) {
	for i, l := range m.ledgers {
		var want []eventstore.Record
		for _, p := range l.order {
			want = append(want, l.records[p.stream][p.index])
		}
		m.s.holds(m.ctx, t, fmt.Sprintf("partition key %d", i), l.ledger, want)
		for _, other := range m.ledgers {
			for _, command := range other.commands {
				m.asks(t, l, command)
			}
		}
	}
}
