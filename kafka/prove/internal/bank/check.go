package bank

import (
	"fmt"
	"math"
	"strings"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// The rules that Check knows. The numbers are those of PROOF.md.
const (
	RuleOrigin    = "bank B1: the log holds only what was asked for"
	RuleWhole     = "bank B1: a commit is whole and as it was asked for"
	RuleKey       = "bank B1: a commit has one partition key"
	RuleVersions  = "bank B2: the versions of a stream have no gap"
	RuleStored    = "bank B3: acknowledged is in the log, once, as it was told"
	RuleNotStored = "bank B3: refused is not in the log"
	RuleExpected  = "bank B4: what a commit was decided on holds right before it"
	RuleOrder     = "bank B5: a commit stands behind all that were known before it was asked for"
	RuleMoment    = "bank B6: a refusal, an audit or a check is true of one moment of its call"
	RulePrefix    = "bank B10: a read is a prefix of the log"
	RuleTorn      = "bank B12: a decision never sees a part of a commit"
	RuleSum       = "bank B7: money is moved, never made or lost"
	RuleBelow     = "bank B7: no account is below zero"
	RulePair      = "bank B7: no pair is below zero"
	RuleFrozen    = "bank B7: no money moves during a freeze"
	RuleCommand   = "bank B8: a command is applied once, and its first result is told"
	RuleApplied   = "bank B11: what is told of a command is true"
)

// IsRule reports whether a rule is one of these.
func IsRule(rule string) bool { return strings.HasPrefix(rule, "bank B") }

// Verdict is what Check found.
type Verdict struct {
	Violations []history.Violation
	// Views is how many times streams were shown as standing together. Compared of them could be
	// compared with the log. The others rest on queued commits that were never stored. Of those
	// Check can say only whether they hold the right money.
	Views, Compared int
	UnknownStored   int // operations without an answer that the log holds
}

// Check judges the history of one bank.
//
// It replays the log. At each commit, everything that the commit was decided on must hold in the
// state right before it. That is the version and the last event of each stream that it expects, and
// the commands. The value of the first event says what that was. So this is checked of all commits,
// also of those whose clients got no answer.
//
// Refusals, audits and checks must be exact. Such an answer has a place between two commits, where
// all streams that it saw stood as it saw them. That place is behind all that was known before the
// call, and before all that was asked for after the return. The answer is known from its return on.
// An unconfirmed check may have a place before its call.
//
// Conflicts may tell of a state that has passed, or of queued commits that were never stored. Check
// says nothing of them but that they stored nothing.
func Check(h *History) Verdict {
	c := &checker{
		h: h, byID: make(map[int64]*Op, len(h.Ops)), at: make(map[int64]int), streams: make(map[string]*stream),
		commands: make(map[string]int), reported: make(map[string]int),
	}
	for i := range h.Ops {
		c.byID[h.Ops[i].ID] = &h.Ops[i]
	}
	c.origins()
	c.replay()
	c.outcomes()
	c.prefixes()
	c.repetitions()
	c.order()
	c.moments()
	c.views()
	return c.verdict
}

type checker struct {
	h        *History
	byID     map[int64]*Op
	commits  []commit
	at       map[int64]int      // op → the place of its commit
	streams  map[string]*stream // as the log holds them
	commands map[string]int     // command → the place of its first commit
	founded  bool               // the first accounts were opened
	reported map[string]int     // by rule
	verdict  Verdict
}

// commit is a commit of the log with what is known of it. There are as many states of the bank as
// commits, and one more. State n is the one after n commits. So the commit at place n leads from
// state n to state n+1.
type commit struct {
	*Commit
	op    *Op   // that asked for it; nil if none did
	plan  *Plan // nil if there is none
	known int64 // from then on somebody knew that it is stored
}

// called returns when the commit was asked for.
func (c *commit) called() int64 {
	if c.op == nil {
		return math.MinInt64
	}
	return c.op.Call
}

// stream is what the log holds of a stream, by version.
type stream struct{ events []entry }

type entry struct {
	event   string
	balance int64            // up to this event
	place   int              // of its commit
	needs   map[string]int64 // by other stream: what was written there by commits up to this event
}

func (c *checker) stream(name string) *stream {
	s := c.streams[name]
	if s == nil {
		s = &stream{}
		c.streams[name] = s
	}
	return s
}

func (s *stream) version() int64 { return int64(len(s.events)) }

// last returns the entry of the last event; zero if there is none.
func (s *stream) last() entry { return s.entry(s.version()) }

// entry returns the entry of a version that the stream has had; zero for version 0.
func (s *stream) entry(version int64) entry {
	if version < 1 {
		return entry{}
	}
	return s.events[version-1]
}

// holds reports whether the log holds the event as the version of the stream.
func (s *stream) holds(version int64, event string) bool {
	return version >= 0 && version <= s.version() && s.entry(version).event == event
}

// stood returns the first and the last state in which the stream stood at the version. If there is
// none, first is greater than last.
func (c *checker) stood(name string, version int64) (first, last int) {
	s := c.stream(name)
	if version < 0 || version > s.version() {
		return 0, -1
	}
	if version > 0 {
		first = s.entry(version).place + 1
	}
	last = len(c.commits)
	if version < s.version() {
		last = s.entry(version + 1).place
	}
	return first, last
}

// maxReported bounds the violations of one rule.
const maxReported = 5

func (c *checker) report(rule, format string, args ...any) {
	if c.reported[rule]++; c.reported[rule] <= maxReported {
		c.verdict.Violations = append(c.verdict.Violations,
			history.Violation{Rule: rule, Stream: c.h.Bank, Text: fmt.Sprintf(format, args...)})
	}
}
