package eventstoretest

import (
	"errors"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
)

// listsAnsweredEach appends lists of commits.
func listsAnsweredEach(t test, s *suite) {
	ctx := s.context(t)
	if answers := s.store.AppendEach(ctx, nil); len(answers) > 0 {
		fatal(t, "an empty list has answers", answers)
	}
	s.listOfAllKinds(ctx, t)
	s.listForEndedContext(ctx, t)
	listsBehaveLikeModel(t, s)
	s.listsAmidOthers(ctx, t)
	for range cancelledLists {
		s.listUntilCancelled(ctx, t)
	}
}

// listsBehaveLikeModel appends random lists, whose commits build on one another. A few slices and
// maps beside the store say what each answer must be.
func listsBehaveLikeModel(t test, s *suite) {
	rapid.Check(t, func(t *rapid.T) {
		m := newLedgerModel(t, s)
		t.Repeat(map[string]func(*rapid.T){
			"append a list": m.appendList,
			"append":        m.appendAny,
			"":              m.streamsHold, // before and after each of the others
		})
		m.ledgersHold(t)
	})
}

// listCommit is one commit of a list.
type listCommit struct {
	ledger  int // the place of its partition key in the model
	commit  eventstore.Commit
	invalid error // why AppendEach refuses it; nil if it is sound
}

// appendList draws a list, appends it, and compares each answer.
func (m *ledgerModel) appendList(t *rapid.T) {
	ahead := m.clone() // so that a commit can be drawn to stand behind those before it in the list
	var list []listCommit
	var commits []eventstore.Commit
	for range rapid.IntRange(0, 8).Draw(t, "commits") {
		x := ahead.drawListed(t)
		list, commits = append(list, x), append(commits, x.commit)
		if x.invalid == nil {
			ahead.ledgers[x.ledger].advance(x.commit)
		}
	}
	m.appends = ahead.appends
	answers := m.s.store.AppendEach(m.ctx, commits)
	if len(answers) != len(list) {
		fatal(t, "a list has not an answer for each commit", len(answers), "expected", len(list))
	}
	for i, x := range list {
		a := answers[i]
		if x.invalid != nil {
			refusedAsInvalid(t, a.Err, x.invalid)
			continue
		}
		m.answered(t, m.ledgers[x.ledger], x.commit, a.Result, a.Err)
	}
}

// drawListed draws a commit of a list.
func (m *ledgerModel) drawListed(t *rapid.T) listCommit {
	x := listCommit{ledger: rapid.IntRange(0, len(m.ledgers)-1).Draw(t, "partition key")}
	l := m.ledgers[x.ledger]
	switch rapid.SampledFrom([]string{
		"as it stands", "as it stands", "any", "any", "again", "again", "a check", "invalid",
	}).Draw(t, "kind") {
	case "as it stands":
		x.commit = m.drawCommit(t, l)
		m.drawExpectations(t, l, &x.commit, true)
	case "any":
		x.commit = m.drawAny(t, l)
	case "again":
		x.commit = m.drawAgain(t, l)
	case "a check":
		x.commit = eventstore.Commit{Expect: []eventstore.Expectation{
			{Stream: l.streams[0], Version: l.version(l.streams[0])},
		}}
		x.invalid = eventstore.RefuseCheck(x.commit)
	case "invalid":
		x.commit = m.drawCommit(t, l)
		x.commit.Records[0].Revision = 0
		x.invalid = eventstore.Check(x.commit, eventstore.BeforeSlash)
	}
	return x
}

// refusedAsInvalid fails unless err reports what want does.
func refusedAsInvalid(t test, err, want error) {
	t.Helper()
	if !errors.Is(err, eventstore.ErrInvalid) || !slices.Equal(invalidFields(err), invalidFields(want)) {
		fatal(t, "a bad commit of a list is not refused with what is wrong", "found", err, "expected", want)
	}
}

// clone returns a model of the same that can go on by itself.
func (m *ledgerModel) clone() *ledgerModel {
	c := *m
	c.ledgers = nil
	for _, l := range m.ledgers {
		d := *l
		d.records, d.results, d.digests = maps.Clone(l.records), maps.Clone(l.results), maps.Clone(l.digests)
		d.commands = slices.Clone(l.commands)
		c.ledgers = append(c.ledgers, &d)
	}
	return &c
}

// advance goes on as if the commit was appended. The records have no place yet.
func (l *modelLedger) advance(c eventstore.Commit) {
	if _, repeated := l.results[c.CommandID]; repeated || len(l.wrong(c)) > 0 {
		return
	}
	written := l.written(c)
	for _, r := range c.Records {
		l.records[r.Stream()] = append(slices.Clip(l.records[r.Stream()]), r)
	}
	if c.CommandID != "" {
		l.commands = append(l.commands, c.CommandID)
		l.results[c.CommandID], l.digests[c.CommandID] = eventstore.Result{Streams: written}, c.Digest
	}
}
