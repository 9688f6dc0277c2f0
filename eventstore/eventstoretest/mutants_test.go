package eventstoretest_test

import (
	"slices"
	"time"

	"github.com/fencelog/fencelog/eventstore/eventstoretest"
)

// The names of the checks, as the suite prints them.
const (
	model        = "behaves like the model"
	oneWins      = "one of the writers that expect a version wins it"
	anyWins      = "writers that expect nothing never conflict"
	commandOnce  = "a command that is sent many times at once is stored once"
	commandScope = "a command id counts within its stream only"
	queued       = "a commit stands behind what it was decided on, queued or not"
	checks       = "a check holds where the stream stands, and knows commands"
	ledgerModel  = "commits over several streams behave like the model"
	whole        = "a commit over several streams is read whole"
	together     = "streams that are read together stood so at one moment"
	skew         = "no commit rests on what has changed"
	bank         = "money that moves between streams is never lost"
	severalOnce  = "a command over several streams is stored once"
	expected     = "a commit knows which commands were applied"
	lists        = "commits in one call are answered each"
	badCommits   = "bad input over several streams is refused"
	widest       = "a commit may be over as many streams as the limits say"
	badInput     = "bad input is refused with every mistake in it"
	retention    = "input is not retained"
	endedContext = "nothing is appended for a context that has ended"
	fromVersion  = "a stream is read from any version"
	asOfCall     = "a read is as of the call"
	breaks       = "a read ends early where the loop breaks"
	cancelled    = "a read that is cancelled says so"
	unblocked    = "a writer is never blocked by a reader"
	similarNames = "streams of similar names are apart"
	snapshots    = "a snapshot is what was kept last, or forgotten"
	rereads      = "a category read twice is the same"
	resumes      = "a category is resumed anywhere"
	since        = "a category is read since a time"
	following    = "a category is followed"
	fromEnd      = "a category is followed from its end"
	followSince  = "a category is followed since a later time"
	unfollowed   = "a follow that is cancelled says so"
	largest      = "a commit may be as large as the limits say"
	strangest    = "names and headers may be as strange as the limits say"
	times        = "times never go back in a partition, and are kept to the nanosecond"
	commandReuse = "a command id of another command is refused"
	limits       = "whatever the limits let through is stored as it is"
	unknown      = "a category that the store does not hold is refused"
	beyondEnd    = "a cursor may be beyond the end"
	closing      = "a closed store says so, and loses nothing"
)

// mutant is a way in which a store can be wrong.
type mutant struct {
	name     string
	breaks   func(*wrapped)
	caughtBy []string
	config   eventstoretest.Config
	races    bool // only if goroutines meet in one order is the store wrong
}

func caughtBy(checks ...string) []string { return checks }

func mutants() []mutant {
	return slices.Concat(versionMutants(), commitMutants(), commandMutants(), queuedMutants(), inputMutants(),
		recordMutants(), expectationMutants(), togetherMutants(), severalMutants(), severalResultMutants(),
		severalInputMutants(), severalCommandMutants(), appliedMutants(), severalReadMutants(),
		streamMutants(), loopMutants(), nameMutants(), categoryMutants(), sinceMutants(), followMutants(),
		closingMutants(), timeMutants(), sameMutants(), snapshotMutants(), listMutants())
}

func durable() eventstoretest.Config { return eventstoretest.Config{Durable: true} }

// impatient is for stores that hang.
func impatient() eventstoretest.Config { return eventstoretest.Config{Timeout: 200 * time.Millisecond} }
