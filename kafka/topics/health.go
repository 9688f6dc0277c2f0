package topics

import (
	"fmt"
	"time"
)

// Health is what a store has seen of its topics while it runs.
type Health struct {
	Topics   []string  // that are looked at
	Looked   time.Time // when brokers answered last about all of them
	Err      error     // why they could not be looked at since; nil if they were
	Problems []Problem // in the order of Topics
}

// Problem is one property of a topic that is not as it must be, or that was not and may have cost
// records.
type Problem struct {
	Topic    string
	Property string // as in [Difference]; or "topic", "topic id", "log of partition 3", …
	Found    string
	Want     string
	Do       string    // how to mend it
	Since    time.Time // when it was seen first
	Mended   bool      // it is right again, but records may be gone: this stays until the store is opened again
}

// String says what was found, what was expected, and what to do.
func (p Problem) String() string {
	if p.Mended {
		return fmt.Sprintf("topic %s: %s was %s and is %s again, but records may be gone: %s",
			p.Topic, p.Property, p.Found, p.Want, p.Do)
	}
	return fmt.Sprintf("topic %s: %s is %s, expected %s: %s", p.Topic, p.Property, p.Found, p.Want, p.Do)
}

// Change is what has changed about a topic while the store runs.
type Change struct {
	Problem

	Over bool // the property is as it must be again, and nothing is lost
}
