package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Faults says which faults a proof injects.
type Faults struct {
	Brokers     bool // killed, paused and restarted, leaders and coordinators on purpose
	Workers     bool // killed, paused past a takeover, closed, overtaken
	Connections bool // cut, delayed, held back, refused; answers lost
	Crashes     bool // owners killed, one after the other, their indexes kept
	Markers     bool // written twice
	Log         bool // the log itself is hurt; goes with no other faults: see package damage
	Forgetting  bool // an owner sleeps until the brokers have forgotten its epoch
}

// DefaultFaults are those that work together. If owners crash all the time, or brokers forget,
// other faults have little time.
func DefaultFaults() Faults {
	return Faults{Brokers: true, Workers: true, Connections: true, Markers: true}
}

// named returns the switches with their names.
func (f *Faults) named() map[string]*bool {
	return map[string]*bool{
		"brokers": &f.Brokers, "workers": &f.Workers, "connections": &f.Connections, "markers": &f.Markers,
		"crashes": &f.Crashes, "forgetting": &f.Forgetting, "log": &f.Log,
	}
}

// FaultNames are the names that ParseFaults knows.
const FaultNames = "brokers, workers, connections, markers, crashes, forgetting, log"

// ParseFaults reads names of faults, separated by commas: brokers, workers, connections, markers,
// crashes, forgetting, log.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	switches := f.named()
	for name := range strings.SplitSeq(text, ",") {
		on, ok := switches[strings.TrimSpace(name)]
		if !ok {
			return Faults{}, fmt.Errorf("faults %q: found %q, expected some of %s", text, name, FaultNames)
		}
		*on = true
	}
	return f, nil
}

// missing returns the required kinds of faults of which none was injected.
func (c Config) missing(injected map[string]int) (missing []string) {
	names := slices.Collect(maps.Keys(injected))
	for _, beginning := range c.Require {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, beginning) }) {
			missing = append(missing, beginning)
		}
	}
	return missing
}
