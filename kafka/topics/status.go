package topics

import (
	"fmt"
	"strings"
)

// Status is what was found of a topic.
type Status struct {
	Topic

	Exists      bool
	Created     bool         // by this call
	Differences []Difference // from what it must be; never mended by this library
	Extra       int32        // partitions beyond the configured ones, all of which are empty: they stay unused
}

// The properties of a topic that are no settings.
const (
	PartitionCount    = "partitions"
	ReplicationFactor = "replication factor"
)

// Difference is one property of a topic that is not as it must be.
type Difference struct {
	Property string // [PartitionCount], [ReplicationFactor], or the name of a topic setting
	Found    string
	Want     string
}

// String returns the difference for people.
func (d Difference) String() string {
	return fmt.Sprintf("%s is %s, expected %s", d.Property, d.Found, d.Want)
}

// Error says which topics are missing or not as they must be.
type Error struct{ Topics []Status }

// ErrorOf returns an *[Error] of those topics that are missing or not as they must be; nil if there
// are none.
func ErrorOf(all []Status) error {
	var off []Status
	for _, t := range all {
		if !t.Exists || len(t.Differences) > 0 {
			off = append(off, t)
		}
	}
	if len(off) == 0 {
		return nil
	}
	return &Error{Topics: off}
}

// Error names every topic and every property that is off, and what to do.
func (e *Error) Error() string {
	var lines []string
	for _, t := range e.Topics {
		if !t.Exists {
			lines = append(lines, fmt.Sprintf(
				"topic %s is missing: create the topics before the service starts (topics.Create)", t.Name))
			continue
		}
		for _, d := range t.Differences {
			line := fmt.Sprintf("topic %s: %s", t.Name, d)
			if d.Property == PartitionCount {
				line += ": events would be looked for in the wrong partition; " +
					"configure the number that they were written with (a topic may have more partitions, " +
					"if those are empty)"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
