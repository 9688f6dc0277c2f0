package history

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
)

// Kind is what a client asked for.
type Kind uint8

// The kinds of operations.
const (
	Append Kind = iota
	Read
	// Refusal decides on the stored and the queued events, and appends nothing. It waits until that
	// is safe to tell. It stands for a command that is refused, or has nothing to do.
	Refusal
)

// Outcome is what a client learned.
type Outcome uint8

// The outcomes. Those of an append are the ones that the contract of eventstore.Store knows.
const (
	Unknown     Outcome = iota // no answer, or one that says so: it may have happened at any time after the call
	Appended                   // stored at First to Last; or, with Repeated, stored there before
	Conflict                   // nothing stored: the stream was at Actual
	NotAppended                // nothing stored, for another reason
	Answered                   // a read or a refusal: the stream held Seen
	Failed                     // a read or a refusal: nothing learned
)

// Forever is the return time of an operation without an answer.
const Forever = int64(1<<63 - 1)

// Any is the expectation that every version meets.
const Any = int64(eventstore.Any)

// Op is one operation. Times are nanoseconds of one monotonic clock.
type Op struct {
	ID       int64
	Client   int
	Store    int // number of the opening that was asked
	Kind     Kind
	Stream   string
	Expected int64
	Command  string // command id, or empty
	Events   int    // of an append; see EventID

	// Queued says that an append was decided on Seen, which ReadQueued had yielded. Once there is
	// an answer, Expected is the length of Seen. Before, it is Any.
	Queued   bool
	Unstored int // events of Seen that were not stored when they were read

	// Listed says that an append went into a list with those of other clients.
	Listed bool

	Call, Return int64
	Outcome      Outcome
	First, Last  int64
	Repeated     bool
	Partition    int32 // of the last event, with Offset
	Offset       int64
	Actual       int64
	Seen         []string // event ids
	Err          string
}

// EventID returns the id of the op's event i, from 0.
func (o *Op) EventID(i int) string { return strconv.FormatInt(o.ID, 10) + "." + strconv.Itoa(i) }

// observed returns the version of the stream that the answer shows, and whether it shows one.
func (o *Op) observed() (int64, bool) {
	switch o.Outcome {
	case Appended:
		return o.Last, true
	case Conflict:
		return o.Actual, true
	case Answered:
		return int64(len(o.Seen)), true
	default:
		return 0, false
	}
}

// String returns the operation and its outcome in one line.
func (o *Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "op %d client %d store %d ", o.ID, o.Client, o.Store)
	switch o.Kind {
	case Read:
		fmt.Fprintf(&b, "read %s", o.Stream)
	case Refusal:
		fmt.Fprintf(&b, "refusal on %s", o.Stream)
		if o.Outcome == Answered {
			fmt.Fprintf(&b, ", %d events of it queued", o.Unstored)
		}
	default:
		fmt.Fprintf(&b, "append %s %d events at %s", o.Stream, o.Events, expectation(o.Expected))
		if o.Queued {
			fmt.Fprintf(&b, ", %d of them queued", o.Unstored)
		}
		if o.Listed {
			fmt.Fprint(&b, ", in a list")
		}
		if o.Command != "" {
			fmt.Fprintf(&b, " command %s", o.Command)
		}
	}
	fmt.Fprintf(&b, " → %s", o.answer())
	if o.Return == Forever {
		fmt.Fprintf(&b, "  [%.6f s, …)", seconds(o.Call))
	} else {
		fmt.Fprintf(&b, "  [%.6f s, %.6f s]", seconds(o.Call), seconds(o.Return))
	}
	return b.String()
}

func (o *Op) answer() string {
	switch o.Outcome {
	case Appended:
		if o.Repeated {
			return fmt.Sprintf("had been stored as %d to %d", o.First, o.Last)
		}
		return fmt.Sprintf("stored as %d to %d", o.First, o.Last)
	case Conflict:
		return fmt.Sprintf("conflict, actual %d", o.Actual)
	case NotAppended:
		return "not appended: " + o.Err
	case Answered:
		return fmt.Sprintf("%d events", len(o.Seen))
	case Failed:
		return "no answer: " + o.Err
	default:
		return "unknown: " + o.Err
	}
}

func expectation(v int64) string {
	if v == Any {
		return "any"
	}
	return strconv.FormatInt(v, 10)
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// OpOf returns the id of the operation that made the event, or 0 if EventID does not make such an
// event id.
func OpOf(event string) int64 {
	before, _, _ := strings.Cut(event, ".")
	id, err := strconv.ParseInt(before, 10, 64)
	if err != nil {
		return 0
	}
	return id
}
