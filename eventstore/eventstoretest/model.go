package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/ids"
)

// behavesLikeModel makes random calls of the store. A few slices and maps beside it say what it
// must answer.
func behavesLikeModel(t test, s *suite) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, s)
		t.Repeat(map[string]func(*rapid.T){
			"append":                 m.appendNew,
			"append as expected":     m.appendExpected,
			"append a command again": m.appendAgain,
			"read a stream":          m.readStream,
			"read a category after":  m.readAfter,
			"read a category since":  m.readSince,
			"":                       m.streamsHold, // before and after each of the others
		})
		m.categoriesHold(t)
	})
}

// model is what the store should hold of a few fresh streams.
type model struct {
	s       *suite
	ctx     context.Context //nolint:containedctx // of the one check that the model lives in
	run     string          // unique; all ids begin with it
	appends int
	streams []*modelStream
	start   map[string]eventstore.Cursor // by category: the end of the category before the first append
	order   []place                      // of all records, as appended
}

// place is where the model holds a record.
type place struct {
	stream *modelStream
	index  int
}

func (p place) record() eventstore.Record { return p.stream.records[p.index] }

type modelStream struct {
	name     eventstore.Stream
	records  []eventstore.Record
	commands []string // ids of those that are stored, oldest first
	results  map[string]eventstore.Result
	digests  map[string]string
}

const modelStreams = 3

func newModel(t *rapid.T, s *suite) *model {
	m := &model{s: s, ctx: s.context(t), run: ids.New(), start: make(map[string]eventstore.Cursor)}
	for _, category := range s.types {
		m.start[category] = maps.Clone(s.category(m.ctx, t, category).cursor)
	}
	id := m.run + drawText(t, "aggregate id")
	for i := range modelStreams {
		if i == modelStreams-1 {
			id = m.run + "another"
		}
		// With two categories or more, the first two streams differ in their type only.
		name := eventstore.Stream{Category: s.types[i%len(s.types)], ID: id}
		if len(s.types) == 1 {
			name.ID += fmt.Sprint(i)
		}
		m.streams = append(m.streams, &modelStream{
			name: name, results: make(map[string]eventstore.Result), digests: make(map[string]string),
		})
	}
	return m
}

func (m *model) draw(t *rapid.T) *modelStream {
	return m.streams[rapid.IntRange(0, len(m.streams)-1).Draw(t, "stream")]
}

// newRecords draws the records of a commit; half of them are of a command.
func (m *model) newRecords(t *rapid.T) []eventstore.Record {
	m.appends++
	prefix, command := fmt.Sprintf("%s-%d", m.run, m.appends), ""
	if rapid.Bool().Draw(t, "of a command") {
		command = prefix + "-command"
	}
	records := m.s.drawRecords(t, prefix, command)
	if command != "" {
		records[0].CommandDigest = rapid.SampledFrom(modelDigests()).Draw(t, "digest")
	}
	return records
}

// modelDigests are few, so that a command is often sent again with the same one.
func modelDigests() []string { return []string{"", "d-1", "0190a3c47b1e7cc39a510123456789af"} }

func (m *model) appendNew(t *rapid.T) {
	st := m.draw(t)
	actual := int64(len(st.records))
	expected := rapid.OneOf(
		rapid.SampledFrom([]int64{
			int64(eventstore.Any), int64(eventstore.NoStream), actual, max(0, actual-1), actual + 1,
		}),
		rapid.Int64Range(0, 60),
	).Draw(t, "expected")
	m.append(t, st, eventstore.Expected(expected), m.newRecords(t))
}

// appendExpected makes histories that are longer than chance would make them.
func (m *model) appendExpected(t *rapid.T) {
	st := m.draw(t)
	for range rapid.IntRange(1, 5).Draw(t, "commits") {
		m.append(t, st, eventstore.Expected(len(st.records)), m.newRecords(t))
	}
}

// appendAgain sends a command a second time, with other records and any expectation. The command
// may also be one that another stream holds, which is new to this stream.
func (m *model) appendAgain(t *rapid.T) {
	var commands []string
	for _, st := range m.streams {
		commands = append(commands, st.commands...)
	}
	if len(commands) == 0 {
		t.Skip("no command is stored yet")
	}
	m.appends++
	to := m.draw(t)
	command := rapid.SampledFrom(commands).Draw(t, "command")
	expected := rapid.OneOf(
		rapid.Just(eventstore.Any), rapid.Map(rapid.Int64Range(0, int64(len(to.records))+1), toExpected),
	).Draw(t, "expected")
	records := m.s.drawRecords(t, fmt.Sprintf("%s-%d", m.run, m.appends), command)
	records[0].CommandDigest = rapid.SampledFrom(modelDigests()).Draw(t, "digest")
	m.append(t, to, expected, records)
}

func toExpected(version int64) eventstore.Expected { return eventstore.Expected(version) }

// append appends to the store and to the model, and compares what they answer.
func (m *model) append(t *rapid.T, st *modelStream, expected eventstore.Expected, records []eventstore.Record) {
	t.Helper()
	result, err := m.s.store.Append(m.ctx, eventstore.To(st.name, expected, records...))
	command, actual := records[0].CommandID, int64(len(st.records))
	if want, ok := st.results[command]; ok {
		if first, given := st.digests[command], records[0].CommandDigest; first != "" && given != "" && first != given {
			reused(t, err, eventstore.CommandReusedError{
				Stream: st.name, CommandID: command, Stored: first, Given: given, Wrote: []eventstore.Stream{st.name},
			})
			return
		}
		must(t, "repeating a command", err)
		want.Repeated = true
		if !reflect.DeepEqual(result, want) {
			fatal(t, "a repeated command is not answered with the result of its first commit, and Repeated", result,
				"expected", want)
		}
		return
	}
	if !expected.Met(actual) {
		conflicts(t, err, st.name, expected, actual)
		return
	}
	must(t, "an append that should succeed", err)
	if result.Repeated || result.First() != actual+1 || result.Last() != actual+int64(len(records)) {
		fatal(t, "an append has another result than expected",
			fmt.Sprintf("found %+v, expected versions %d to %d, not repeated",
				result, actual+1, actual+int64(len(records))))
	}
	if result.Time.IsZero() {
		fatal(t, "the result of a new commit has no time", result)
	}
	st.records = append(st.records, stored(st.name, result, records)...)
	for i := range records {
		m.order = append(m.order, place{st, int(actual) + i})
	}
	result.Time = time.Time{}
	if command != "" {
		st.commands = append(st.commands, command)
		st.results[command], st.digests[command] = result, records[0].CommandDigest
	}
}

// conflicts fails unless err says that stream is at version actual.
func conflicts(t test, err error, stream eventstore.Stream, expected eventstore.Expected, actual int64) {
	t.Helper()
	want := eventstore.ConflictError{Stream: stream, Expected: expected, Actual: actual}
	var conflict *eventstore.ConflictError
	if !errors.As(err, &conflict) {
		fatal(t, "an append at a wrong version does not fail with a *ConflictError", "found", err, "expected", &want)
	}
	if *conflict != want || !errors.Is(err, eventstore.ErrConflict) {
		fatal(t, "a conflict does not carry the facts", "found", err, "expected", &want)
	}
}

// streamsHold fails unless each stream is as in the model. Here the model learns the positions of
// new records, so every later read must agree on them.
func (m *model) streamsHold(t *rapid.T) {
	for i, st := range m.streams {
		got := m.s.load(m.ctx, t, st.name)
		same(t, fmt.Sprintf("stream %d", i), got, st.records)
		st.records = got
	}
}

func (m *model) readStream(t *rapid.T) {
	st := m.draw(t)
	from := rapid.Int64Range(-2, int64(len(st.records))+2).Draw(t, "from")
	got, err := collect(m.s.store.ReadStream(m.ctx, st.name, from))
	must(t, "reading a stream from a version", err)
	same(t, "a stream read from a version", got, st.records[min(max(from-1, 0), int64(len(st.records))):])
}

// readAfter reads a category with a cursor that has seen the first records of the model.
func (m *model) readAfter(t *rapid.T) {
	category := rapid.SampledFrom(m.s.types).Draw(t, "category")
	seen := rapid.IntRange(0, len(m.order)).Draw(t, "seen")
	v := m.s.category(m.ctx, t, category)
	cursor := maps.Clone(m.start[category])
	for _, p := range m.order[:seen] {
		if r := p.record(); r.Category == category {
			cursor.Advance(r.Position)
		}
	}
	m.s.yields(m.ctx, t, v, "a category read after a cursor", eventstore.After(cursor), v.after(cursor))
}

// readSince reads a category from around the time of a record on.
func (m *model) readSince(t *rapid.T) {
	if len(m.order) == 0 {
		t.Skip("no record yet")
	}
	r := m.order[rapid.IntRange(0, len(m.order)-1).Draw(t, "record")].record()
	since := r.Timestamp.Add(time.Duration(rapid.Int64Range(-2e6, 2e6).Draw(t, "beside its time")))
	v := m.s.category(m.ctx, t, r.Category)
	m.s.yields(m.ctx, t, v, "a category read since a time", eventstore.Since(since), v.since(since))
}

// categoriesHold fails unless the categories hold the records of the streams, each once and in
// order.
func (m *model) categoriesHold(t *rapid.T) {
	for i, st := range m.streams {
		v := m.s.category(m.ctx, t, st.name.Category)
		same(t, fmt.Sprintf("stream %d in its category", i), v.only(st.name), st.records)
	}
}
