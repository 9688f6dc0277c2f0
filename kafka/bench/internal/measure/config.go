package measure

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Defaults of [Config].
const (
	DefaultRounds      = 5
	DefaultEvents      = 10_000_000
	DefaultQuickRounds = 3
	DefaultQuickEvents = 50_000

	maxRounds  = 100
	minEvents  = 1_000
	perStream  = 10 // events of each stream that is filled before it is read
	partitions = 10 // of each topic, unless the case says otherwise
)

// Config says what to measure. Every field may be left zero.
type Config struct {
	// Cases are some of [Cases]. Default: all of them.
	Cases []string

	// Rounds is how often each contender has its turn. Default: [DefaultRounds], or
	// [DefaultQuickRounds] if Quick.
	Rounds int

	// Quick asks for short turns and small topics, to see that everything works. Its figures mean
	// little.
	Quick bool

	// Events is the number of events in the longest topic, 1,000 or more. The others have a tenth
	// and a hundredth of it. The cases of commands have as many accounts and events as they need.
	// Default: [DefaultEvents], or [DefaultQuickEvents] if Quick.
	Events int

	// Seed of the events' content and of the streams that are read. Default: 1.
	Seed uint64

	// Kafka is the brokers' version. Default: kafkatest's.
	Kafka string

	// ProfileDir is a folder for profiles of this store. It gets a CPU profile of each turn,
	// <case>-<round>.cpu. It also gets profiles of allocations around the last turn,
	// <case>-before.allocs and <case>-after.allocs. Default: none.
	ProfileDir string

	// Progress gets a line for each turn. One goroutine at a time writes to it. Default: nobody.
	Progress io.Writer
}

// sizes is how much of everything there is.
type sizes struct {
	callers  int           // that append at the same time
	accounts int           // that transfers move money between
	deciders int           // that load, decide and append at the same time
	turn     time.Duration // of a contender in a round
	single   int           // appends one at a time, in a round
	loads    int           // streams read in a round
	claims   int           // takeovers in a round

	many        int   // accounts that commands credit, where they are many
	lengths     []int // of streams that are filled for commands
	shortEvents int   // in the streams of a short length at least, all together
	compared    []int // lengths of streams in the case command-length
	cold        []int // lengths of streams in the case command-first
	starts      int   // that such a round has at most, and so many takeovers
}

func (c Config) sizes() sizes {
	if c.Quick {
		return sizes{
			callers: 1_000, accounts: 1_000, deciders: 64, turn: time.Second, single: 200, loads: 500, claims: 10,
			many: 10_000, lengths: []int{10, 100, 1_000, 10_000}, shortEvents: 1_000,
			compared: []int{10, 100, 1_000, 10_000}, cold: []int{1_000, 10_000}, starts: 2,
		}
	}
	return sizes{
		callers: 1_000, accounts: 10_000, deciders: 64, turn: 4 * time.Second, single: 1_000, loads: 10_000, claims: 40,
		many: 1_000_000, lengths: []int{10, 1_000, 10_000, 100_000, 1_000_000}, shortEvents: 10_000,
		compared: []int{10, 1_000, 100_000, 1_000_000}, cold: []int{10_000, 1_000_000}, starts: 10,
	}
}

// complete returns the configuration with its defaults, or everything that is wrong with it.
func (c Config) complete() (Config, error) {
	rounds, events := DefaultRounds, DefaultEvents
	if c.Quick {
		rounds, events = DefaultQuickRounds, DefaultQuickEvents
	}
	if c.Rounds == 0 {
		c.Rounds = rounds
	}
	if c.Events == 0 {
		c.Events = events
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	if len(c.Cases) == 0 {
		c.Cases = Cases()
	}
	var wrong []error
	for _, name := range c.Cases {
		if !slices.Contains(Cases(), name) {
			wrong = append(wrong,
				fmt.Errorf("case %q is unknown, expected some of %s", name, strings.Join(Cases(), ", ")))
		}
	}
	if c.Rounds < 1 || c.Rounds > maxRounds {
		wrong = append(wrong, fmt.Errorf("rounds: found %d, expected 1 to %d", c.Rounds, maxRounds))
	}
	if c.Events < minEvents {
		wrong = append(wrong, fmt.Errorf("events: found %d, expected %d or more", c.Events, minEvents))
	}
	if err := errors.Join(wrong...); err != nil {
		return Config{}, fmt.Errorf("benchmark configuration: %w", err)
	}
	return c, nil
}
