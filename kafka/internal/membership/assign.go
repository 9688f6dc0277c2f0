package membership

import (
	"cmp"
	"maps"
	"slices"
)

// Partition names one partition of a topic.
type Partition struct {
	Topic string `json:"topic"`
	ID    int32  `json:"id"`
}

func compare(a, b Partition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

// metadata is what a member tells the others when it joins.
type metadata struct {
	Address    string      `json:"address"`
	Partitions []Partition `json:"partitions"` // that it can own
	Owned      []Partition `json:"owned"`      // that it owns now
}

// assign shares the partitions of all members among them: each to one that can own it, as evenly as that allows, and as few as
// possible to another than the one that owns it now. The same members get the same answer.
func assign(members map[string]metadata) map[Partition]string {
	s := sharing{owner: make(map[Partition]string), load: make(map[string]int), able: make(map[Partition][]string)}
	ids := slices.Sorted(maps.Keys(members))
	for _, id := range ids {
		s.load[id] = 0
		for _, p := range members[id].Partitions {
			if !slices.Contains(s.able[p], id) {
				s.able[p] = append(s.able[p], id)
			}
		}
	}
	for _, id := range ids {
		for _, p := range members[id].Owned {
			if s.owner[p] == "" && slices.Contains(s.able[p], id) {
				s.give(p, id)
			}
		}
	}
	if len(s.able) == 0 {
		return s.owner
	}
	all := slices.SortedFunc(maps.Keys(s.able), compare)
	for _, p := range all {
		if s.owner[p] == "" {
			s.give(p, s.least(p))
		}
	}
	for { // each move makes the loads more even, so it ends
		p := slices.MaxFunc(all, func(a, b Partition) int { return cmp.Compare(s.gain(a), s.gain(b)) })
		if s.gain(p) < 2 {
			break
		}
		s.give(p, s.least(p))
	}
	return s.owner
}

type sharing struct {
	owner map[Partition]string
	load  map[string]int
	able  map[Partition][]string // sorted
}

func (s *sharing) give(p Partition, id string) {
	if before := s.owner[p]; before != "" {
		s.load[before]--
	}
	s.owner[p] = id
	s.load[id]++
}

// gain returns how many partitions more the owner of p has than the one that could have it with the fewest.
func (s *sharing) gain(p Partition) int { return s.load[s.owner[p]] - s.load[s.least(p)] }

// least returns the member with the fewest partitions of those that can own p.
func (s *sharing) least(p Partition) string {
	return slices.MinFunc(s.able[p], func(a, b string) int { return cmp.Compare(s.load[a], s.load[b]) })
}
