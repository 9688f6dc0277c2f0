package change

import (
	"fmt"
	"slices"
	"strings"
)

// Compatibility is a level: which earlier versions of its subject a new version must be compatible
// with, and in which direction. The levels are those of Confluent's registry, under their names
// there.
type Compatibility string

// The levels. FullTransitive suits an event store, because events are read for ever: today's
// program reads all events that were ever written. And while a new program is deployed, the old one
// beside it reads the events of the new one.
const (
	None               Compatibility = "NONE"                // anything goes
	Backward           Compatibility = "BACKWARD"            // the new version reads what the latest one wrote
	BackwardTransitive Compatibility = "BACKWARD_TRANSITIVE" // and what every earlier one wrote
	Forward            Compatibility = "FORWARD"             // the latest version reads what the new one writes
	ForwardTransitive  Compatibility = "FORWARD_TRANSITIVE"  // and so does every earlier one
	Full               Compatibility = "FULL"                // Backward and Forward
	FullTransitive     Compatibility = "FULL_TRANSITIVE"     // BackwardTransitive and ForwardTransitive
)

// Compatibilities returns all levels, the laxest first.
func Compatibilities() []Compatibility {
	return []Compatibility{None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}
}

// ParseCompatibility returns the level of that name, in upper or lower case.
func ParseCompatibility(name string) (Compatibility, error) {
	level := Compatibility(strings.ToUpper(name))
	if !slices.Contains(Compatibilities(), level) {
		return "", fmt.Errorf("found compatibility level %q, expected one of %v", name, Compatibilities())
	}
	return level, nil
}

func (c Compatibility) backward() bool {
	return c == Backward || c == BackwardTransitive || c == Full || c == FullTransitive
}

func (c Compatibility) forward() bool {
	return c == Forward || c == ForwardTransitive || c == Full || c == FullTransitive
}

func (c Compatibility) transitive() bool {
	return c == BackwardTransitive || c == ForwardTransitive || c == FullTransitive
}
