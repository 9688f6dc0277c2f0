package eventstoretest

import (
	"encoding/json"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
)

// restsOnKey is the metadata of a commit's first record that says what the commit expected.
const restsOnKey = "rests on"

// restsOn notes in the commit what it expects, for a replay.
func restsOn(c *eventstore.Commit) {
	versions := make(map[string]int64)
	for _, e := range c.Expect {
		versions[e.Stream.ID] = int64(e.Version)
	}
	text, err := json.Marshal(versions)
	if err != nil {
		panic(err) // never: these are texts and numbers
	}
	c.Records[0].Metadata[restsOnKey] = string(text)
}

// replay goes through the commits of one partition key in the order of the log.
type replay struct {
	ledger
	versions map[string]int64 // by aggregate id
}

func newReplay(l ledger) *replay { return &replay{l, make(map[string]int64)} }

// next returns an error unless the commit is whole, continues its streams, and stands where all
// that it expected is so.
func (p *replay) next(commit []eventstore.Record) error {
	first := commit[0]
	if first.Commit.Index != 1 || len(commit) != first.Commit.Size {
		return fmt.Errorf("of the commit at %s there are %d records from the %d. on, expected %d from the first on",
			first.Position, len(commit), first.Commit.Index, first.Commit.Size)
	}
	if text, ok := first.Metadata[restsOnKey]; ok {
		var versions map[string]int64
		if err := json.Unmarshal([]byte(text), &versions); err != nil {
			return fmt.Errorf("what the commit at %s rests on: %w", first.Position, err)
		}
		for id, version := range versions {
			if p.versions[id] != version {
				return fmt.Errorf("the commit at %s rests on version %d of %s, which stands at %d",
					first.Position, version, id, p.versions[id])
			}
		}
	}
	for _, r := range commit {
		if r.AggregateVersion != p.versions[r.AggregateID]+1 {
			return fmt.Errorf("version %d of %s follows version %d", r.AggregateVersion, r.AggregateID,
				p.versions[r.AggregateID])
		}
		p.versions[r.AggregateID]++
	}
	return nil
}
