package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
)

// Config configures [Run]; every field may be left zero.
type Config struct {
	// Categories are the categories that the suite appends to. They must exist by the time the
	// store is open. With at least two of them the suite also tests that they are kept apart.
	// Default: "Account" and "Transaction".
	Categories []string

	// Ledgers is the category to which the suite appends commits over several streams. It must
	// exist by the time the store is open, with the partition key [eventstore.BeforeSlash]. It is
	// not one of Categories. Default: "Ledger".
	Ledgers string

	// Durable says that a store that was closed and opened again holds everything that was
	// appended. Default: false, and open is called only once.
	Durable bool

	// Now is the clock of the store, which no event is later than. Default: the system's clock.
	Now func() time.Time

	// Timeout bounds each part of the suite, so that a store that hangs fails it. Default:
	// [DefaultTimeout].
	Timeout time.Duration
}

// DefaultTimeout is generous enough for a store that loses a broker in the middle of a part of the
// suite.
const DefaultTimeout = 2 * time.Minute

// Run checks that the store that open returns keeps every promise of [eventstore.Store].
//
// The function open fails t if it cannot open the store, and may register clean-ups with t. If the
// store has a method Close() error, Run calls it at the end; it must be idempotent. If cfg is
// Durable, Run then calls open a second time. It must return a store over the same data.
func Run(t *testing.T, open func(t testing.TB) eventstore.Store, cfg Config) {
	t.Helper()
	s, err := newSuite(func() eventstore.Store { return open(t) }, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// test is what a check uses of a *testing.T and of a *rapid.T.
type test interface {
	rapid.TB
	Cleanup(func())
	Context() context.Context
}

// check proves one promise.
type check struct {
	name string
	run  func(test, *suite)
}

// checks returns all of them. Those that leave extreme records behind come late. The one that
// closes the store comes last.
func checks() []check {
	return []check{
		{"behaves like the model", behavesLikeModel},
		{"one of the writers that expect a version wins it", oneWriterWins},
		{"writers that expect nothing never conflict", anyNeverConflicts},
		{"a command that is sent many times at once is stored once", commandStoredOnce},
		{"a command id counts within its stream only", commandIDsPerStream},
		{"a command id of another command is refused", reusedCommandIDs},
		{"a commit stands behind what it was decided on, queued or not", decisionsOnQueued},
		{"a check holds where the stream stands, and knows commands", checksHold},
		{"commits over several streams behave like the model", ledgersBehaveLikeModel},
		{"a commit over several streams is read whole", wholeCommitsRead},
		{"streams that are read together stood so at one moment", readTogetherHolds},
		{"no commit rests on what has changed", nothingChangedMeanwhile},
		{"money that moves between streams is never lost", moneyNeverLost},
		{"a command over several streams is stored once", severalStoredOnce},
		{"a commit knows which commands were applied", commandsExpected},
		{"commits in one call are answered each", listsAnsweredEach},
		{"bad input is refused with every mistake in it", badInputRefused},
		{"bad input over several streams is refused", badCommitsRefused},
		{"whatever the limits let through is stored as it is", limitsHold},
		{"a category that the store does not hold is refused", unknownCategoryRefused},
		{"input is not retained", inputNotRetained},
		{"nothing is appended for a context that has ended", endedContextRefused},
		{"a stream is read from any version", streamFromVersion},
		{"a read is as of the call", readAsOfCall},
		{"a read ends early where the loop breaks", readBreaks},
		{"a read that is cancelled says so", cancelledReadTold},
		{"a writer is never blocked by a reader", readersDoNotBlock},
		{"streams of similar names are apart", similarNamesApart},
		{"a snapshot is what was kept last, or forgotten", snapshotsKept},
		{"a category read twice is the same", categoryRereads},
		{"a category is resumed anywhere", categoryResumes},
		{"a cursor may be beyond the end", cursorsBeyondEnd},
		{"a category is read since a time", categorySince},
		{"a category is followed", categoryFollowed},
		{"a category is followed from its end", followedFromEnd},
		{"a category is followed since a later time", followedSince},
		{"a follow that is cancelled says so", followedUntilCancelled},
		{"a commit may be as large as the limits say", largestCommits},
		{"a commit may be over as many streams as the limits say", widestCommits},
		{"names and headers may be as strange as the limits say", strangestHeaders},
		{"times never go back in a partition, and are kept to the nanosecond", timesHold},
		{"a closed store says so, and loses nothing", closed},
	}
}

// suite is what the checks share. They run one after the other.
type suite struct {
	open    func() eventstore.Store
	store   eventstore.Store
	types   []string
	ledgers string
	durable bool
	timeout time.Duration
	views   map[string]*view // by category
	now     time.Time        // of the newest record made; see tick
	clock   func() time.Time // the store's

	mu    sync.Mutex
	given map[string]givenTime // by event id
}

func newSuite(open func() eventstore.Store, cfg Config) (*suite, error) {
	s := &suite{
		open: open, types: cfg.Categories, ledgers: cfg.Ledgers, durable: cfg.Durable, timeout: cfg.Timeout,
		views: make(map[string]*view), now: firstTime(), clock: cfg.Now, given: make(map[string]givenTime),
	}
	if s.clock == nil {
		s.clock = clock.Now
	}
	if s.types == nil {
		s.types = []string{"Account", "Transaction"}
	}
	if s.ledgers == "" {
		s.ledgers = "Ledger"
	}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	var mistakes []error
	for _, name := range append(slices.Clone(s.types), s.ledgers) {
		if s.views[name] != nil {
			mistakes = append(mistakes, fmt.Errorf("category %q is given twice", name))
		}
		mistakes = append(mistakes, eventstore.CheckCategory(name))
		s.views[name] = newView(name)
	}
	if len(s.types) == 0 || s.timeout < 0 {
		mistakes = append(mistakes,
			fmt.Errorf("found %d Categories and a Timeout of %s, expected 1 or more and a positive time",
				len(s.types), s.timeout))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("eventstoretest: %w", err)
	}
	s.store = open()
	return s, nil
}

// context returns one that ends with t, or when the check takes too long.
func (s *suite) context(t test) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), s.timeout)
	t.Cleanup(cancel)
	return ctx
}

// fatal ends the check. Details go into the log and not into the message. Rapid takes a failure for
// the same one only if its message is the same, and only then shortens the history that led to it.
func fatal(t test, message string, details ...any) {
	t.Helper()
	if len(details) > 0 {
		t.Log(details...)
	}
	t.Fatal(message)
}

func must(t test, what string, err error) {
	t.Helper()
	if err != nil {
		fatal(t, what+" failed", err)
	}
}
