package eventstoretest

import (
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
)

// appendAny appends a commit whose expectations may hold or not.
func (m *ledgerModel) appendAny(t *rapid.T) {
	l := m.draw(t)
	m.append(t, l, m.drawAny(t, l))
}

// drawAny draws a commit whose expectations may hold or not.
func (m *ledgerModel) drawAny(t *rapid.T, l *modelLedger) eventstore.Commit {
	c := m.drawCommit(t, l)
	m.drawExpectations(t, l, &c, rapid.Bool().Draw(t, "as it stands"))
	return c
}

// appendExpected makes histories that are longer than chance would make them.
func (m *ledgerModel) appendExpected(t *rapid.T) {
	l := m.draw(t)
	for range rapid.IntRange(1, 3).Draw(t, "commits") {
		c := m.drawCommit(t, l)
		m.drawExpectations(t, l, &c, true)
		m.append(t, l, c)
	}
}

// appendAgain sends a command a second time, with other records and any expectation. The command
// may be one of another partition key, which is new to this one.
func (m *ledgerModel) appendAgain(t *rapid.T) {
	if len(m.ledgers[0].commands)+len(m.ledgers[1].commands) == 0 {
		t.Skip("no command is stored yet")
	}
	l := m.draw(t)
	m.append(t, l, m.drawAgain(t, l))
}

// drawAgain draws a commit of a command that is known.
func (m *ledgerModel) drawAgain(t *rapid.T, l *modelLedger) eventstore.Commit {
	c := m.drawCommit(t, l)
	c.CommandID, c.Digest = m.drawKnown(t), rapid.SampledFrom(modelDigests()).Draw(t, "digest")
	if first, ok := l.results[c.CommandID]; ok && rapid.Bool().Draw(t, "to the same streams") {
		wrote := rapid.Permutation(first.Streams).Draw(t, "order")
		for i := range c.Records {
			inStream(&c.Records[i], wrote[i%len(wrote)].Stream)
		}
	}
	m.drawExpectations(t, l, &c, rapid.Bool().Draw(t, "as it stands"))
	return c
}

// check appends a commit without records.
func (m *ledgerModel) check(t *rapid.T) {
	l := m.draw(t)
	c := eventstore.Commit{Unconfirmed: rapid.Bool().Draw(t, "unconfirmed")}
	if rapid.Bool().Draw(t, "of a command") {
		c.CommandID, c.Digest = m.drawKnown(t), rapid.SampledFrom(modelDigests()).Draw(t, "digest")
	}
	m.drawExpectations(t, l, &c, rapid.Bool().Draw(t, "as it stands"))
	if len(c.Expect) == 0 {
		c.Expect = []eventstore.Expectation{{Stream: l.streams[0], Version: l.version(l.streams[0])}}
	}
	m.append(t, l, c)
}

// readTogether reads streams together, and appends or checks on it. Now and then a commit comes
// between.
func (m *ledgerModel) readTogether(t *rapid.T) {
	l := m.draw(t)
	streams := rapid.Permutation(l.streams).Draw(t, "order")[:rapid.IntRange(1, len(l.streams)).Draw(t, "streams")]
	between := rapid.IntRange(-len(streams), len(streams)).Draw(t, "a commit between")
	var at []eventstore.Expectation
	var wrong []error // of what was read
	for i, stream := range streams {
		after := stream.At(rapid.Int64Range(-2, int64(l.version(stream))).Draw(t, "after"))
		if end, ok := l.ends[stream]; ok && rapid.Bool().Draw(t, "reads on") {
			after = end
		}
		all, end := m.s.store.ReadQueued(m.ctx, after, at...)
		got, err := collect(all)
		if wrong = l.wrong(checkOf(at...)); len(wrong) > 0 {
			conflictOf(t, err, wrong...)
			if len(got) > 0 {
				fatal(t, "a read with expectations that do not hold yields records", len(got))
			}
			_, err := m.s.store.Append(m.ctx, checkOf(append(at, end)...))
			conflict(t, "a check of what could not be read", err)
			return
		}
		must(t, "reading streams together", err)
		l.ends[stream] = end
		behind := min(max(after.Version, 0), l.version(stream))
		same(t, "a stream that is read with others", got, l.records[stream][behind:])
		at = append(at, end)
		if i+1 == between {
			m.appendExpected(t)
		}
	}
	wrong = l.wrong(checkOf(at...))
	c := checkOf(at...)
	if rapid.Bool().Draw(t, "of records") {
		c = m.drawCommit(t, l)
		c.Expect = at
	} else if len(wrong) > 0 {
		// The streams stood as they were read when the last of them was read. They have gone on
		// since. Either may be told.
		if _, err := m.s.store.Append(m.ctx, c); err != nil {
			conflictOf(t, err, wrong...)
		}
		return
	}
	m.append(t, l, c)
}

// conflict fails unless err is a conflict.
func conflict(t test, what string, err error) {
	t.Helper()
	if !errors.Is(err, eventstore.ErrConflict) {
		fatal(t, what+" does not fail with a conflict", "found", err)
	}
}

// drawCommit draws a commit to one stream of the partition key or more, without expectations. Half
// of them are of a new command.
func (m *ledgerModel) drawCommit(t *rapid.T, l *modelLedger) eventstore.Commit {
	m.appends++
	prefix := fmt.Sprintf("%s-%d", m.run, m.appends)
	var c eventstore.Commit
	if rapid.Bool().Draw(t, "of a command") {
		c.CommandID = prefix + "-command"
		c.Digest = rapid.SampledFrom(modelDigests()).Draw(t, "digest")
	}
	most := rapid.IntRange(0, len(l.streams)-1).Draw(t, "last stream")
	c.Records = m.s.drawRecords(t, prefix, "")
	for i := range c.Records {
		inStream(&c.Records[i], l.streams[rapid.IntRange(0, most).Draw(t, "stream")])
	}
	return c
}

// drawExpectations draws what a commit expects. All of it holds if it is to be as it stands.
func (m *ledgerModel) drawExpectations(t *rapid.T, l *modelLedger, c *eventstore.Commit, stands bool) {
	for _, stream := range rapid.Permutation(l.streams).Draw(t, "order") {
		actual := l.version(stream)
		versions := []eventstore.Expected{actual}
		if slices.Contains(c.Streams(), stream) {
			versions = append(versions, eventstore.Any)
		}
		if !stands {
			versions = append(versions, eventstore.NoStream, max(0, actual-1), actual+1, actual)
		}
		if rapid.Bool().Draw(t, "expected") {
			c.Expect = append(c.Expect, eventstore.Expectation{
				Stream: stream, Version: rapid.SampledFrom(versions).Draw(t, "version"),
			})
		}
	}
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "expected commands") {
		e := eventstore.CommandExpectation{CommandID: m.drawKnown(t)}
		if _, e.Applied = l.results[e.CommandID]; !stands {
			e.Applied = rapid.Bool().Draw(t, "applied")
		}
		c.ExpectCommands = append(c.ExpectCommands, e)
	}
}

// drawKnown draws the id of a command that one of the partition keys holds, or of none.
func (m *ledgerModel) drawKnown(t *rapid.T) string {
	known := []string{m.run + "-nobody's"}
	for _, l := range m.ledgers {
		known = append(known, l.commands...)
	}
	return rapid.SampledFrom(known).Draw(t, "command")
}
