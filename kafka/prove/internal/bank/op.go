package bank

import (
	"fmt"
	"strings"
	"time"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// Outcome is what a client learned.
type Outcome uint8

// The outcomes. If an order may write, all but Unknown and Written say that it has written nothing.
const (
	Unknown   Outcome = iota // no answer, or one that says so: it may have written at any time after the call
	Written                  // its commit is stored, as Result says
	Repeated                 // its command had made the commit of Result before
	Confirmed                // its check has succeeded: all that it expects held at one moment
	Conflict                 // something was not as expected, or did not stand together
	Reused                   // its command id names another commit
	Invalid                  // no store takes such a commit
	Failed                   // not owner, closed, out of time: nothing learned
	Told                     // of Ask: Applied
	outcomes                 // how many there are
)

// String returns the outcome for people.
func (o Outcome) String() string {
	return [outcomes]string{
		"unknown", "written", "repeated", "confirmed", "conflict", "command reused", "invalid", "failed", "told",
	}[o]
}

// Forever is the return time of an operation without an answer.
const Forever = history.Forever

// Op is one operation. Times are nanoseconds of one monotonic clock.
type Op struct {
	ID            int64
	Client, Store int // Store is the number of the opening that was asked
	Order         Order
	Call, Return  int64

	Outcome Outcome
	Seen    []Seen // what was read, in order; nothing if that failed
	// Joint says that the store has shown all of Seen as standing together at one moment.
	Joint   bool
	Plan    *Plan // what was given to the store; nil if nothing was, or if nobody knows
	Result  Result
	Applied bool // of Told
	Err     string
}

// Seen is what was read of one stream.
type Seen struct {
	Stream   string
	Version  int64
	Event    string // id of the last event
	Balance  int64  // the sum of the amounts
	Unstored int    // how many of the events were queued
}

// Result is what a commit did.
type Result struct {
	Parts     []Part
	Partition int32 // of the last event, with Offset
	Offset    int64
	Time      time.Time // of the last event as it is stored; zero if the commit was repeated
}

// Part is what a commit wrote to one stream.
type Part struct {
	Stream      string
	First, Last int64 // versions
}

// exact reports whether the answer of a check must be true of one moment of the call.
func (o *Op) exact() bool { return !o.Plan.Unconfirmed }

// Refused reports whether the answer is a refusal, or that there is nothing to do.
func (o *Op) Refused() bool { return o.Outcome == Confirmed && o.Order.Writes() }

// unstored returns how many events were queued when they were read.
func (o *Op) unstored() (n int) {
	for _, s := range o.Seen {
		n += s.Unstored
	}
	return n
}

// Early reports whether the answer rests on events that were read before they were stored.
func (o *Op) Early() bool {
	return o.unstored() > 0 && (o.Outcome == Written || o.Outcome == Confirmed)
}

// String returns the operation and its outcome in one line.
func (o *Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "op %d client %d store %d %s", o.ID, o.Client, o.Store, o.Order.Kind)
	if o.Order.From != "" {
		fmt.Fprintf(&b, " from %s", o.Order.From)
	}
	if len(o.Order.To) > 0 {
		fmt.Fprintf(&b, " to %s", strings.Join(o.Order.To, " "))
	}
	if o.Order.Command != "" {
		fmt.Fprintf(&b, ", command %s digest %q", o.Order.Command, o.Order.Digest)
	}
	for _, e := range o.Order.Commands {
		fmt.Fprintf(&b, ", expects %s applied: %t", e.Command, e.Applied)
	}
	for i, s := range o.Seen {
		word := ","
		if i == 0 {
			word = ", saw"
			if o.Joint {
				word = ", saw together"
			}
		}
		fmt.Fprintf(&b, "%s %s at %d %s worth %d", word, s.Stream, s.Version, s.Event, s.Balance)
		if s.Unstored > 0 {
			fmt.Fprintf(&b, " (%d queued)", s.Unstored)
		}
	}
	if o.Order.Kind == Verify {
		fmt.Fprintf(&b, " %v at %v", o.Order.Reads, o.Order.Versions)
	}
	if o.Order.Unconfirmed {
		fmt.Fprint(&b, ", unconfirmed")
	}
	fmt.Fprintf(&b, " → %s", o.Outcome)
	switch o.Outcome {
	case Written, Repeated:
		fmt.Fprintf(&b, " %v at partition %d offset %d", o.Result.Parts, o.Result.Partition, o.Result.Offset)
	case Told:
		fmt.Fprintf(&b, " applied: %t", o.Applied)
	case Unknown, Failed:
		fmt.Fprintf(&b, ": %s", o.Err)
	default:
	}
	if o.Return == Forever {
		fmt.Fprintf(&b, "  [%.6f s, …)", seconds(o.Call))
	} else {
		fmt.Fprintf(&b, "  [%.6f s, %.6f s]", seconds(o.Call), seconds(o.Return))
	}
	return b.String()
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
