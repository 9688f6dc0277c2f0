package sharing

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

// assign shares the partitions among the members, and gives each to a member that can own it. It
// takes a way to do so that is best by these rules. An earlier rule weighs more than all later
// ones:
//
//  1. Each topic is spread evenly: each member's number of its partitions is squared, and the sum
//     of the squares is the least.
//  2. All partitions together are spread evenly, by the same measure.
//  3. As few partitions as possible go to another member than the one that owns them now.
//
// If every member can own everything, two members differ by at most one partition of each topic,
// and by at most one partition in all. The same members always get the same answer.
func assign(members map[string]metadata) map[Partition]string {
	s := newSharing(members)
	s.level()
	for s.improve() {
		continue
	}
	owners := make(map[Partition]string, len(s.partitions))
	for i := range s.partitions {
		p := &s.partitions[i]
		owners[p.Partition] = s.members[p.owner]
	}
	return owners
}

// sharing is an assignment that is being improved. Members, topics and partitions are numbered by
// their places in sorted lists.
type sharing struct {
	members    []string
	topics     int
	partitions []shared
	load       []int // of all topics, by member
	seats      []int // load of one topic, by seat
}

// shared is a partition and who has it.
type shared struct {
	Partition

	topic  int
	able   []int // members, in order
	before int   // the member that owns it now, or nobody
	owner  int
}

const nobody = -1

// newSharing leaves each partition with the member that owns it now. It gives each other partition
// to a member that has the fewest of its topic.
func newSharing(members map[string]metadata) *sharing {
	s := &sharing{members: slices.Sorted(maps.Keys(members))}
	known := make(map[Partition]*shared)
	topics := make(map[string]int)
	for m, id := range s.members {
		for _, p := range members[id].Partitions {
			if known[p] == nil {
				known[p] = &shared{Partition: p, before: nobody, owner: nobody}
				topics[p.Topic] = 0
			}
			if at := known[p]; !slices.Contains(at.able, m) {
				at.able = append(at.able, m)
			}
		}
	}
	for m, id := range s.members {
		for _, p := range members[id].Owned { // if two members think that they own it, the first one keeps it
			if at := known[p]; at != nil && at.before == nobody && slices.Contains(at.able, m) {
				at.before = m
			}
		}
	}
	for i, name := range slices.Sorted(maps.Keys(topics)) {
		topics[name] = i
	}
	s.topics, s.load, s.seats = len(topics), make([]int, len(s.members)), make([]int, len(s.members)*len(topics))
	for _, p := range slices.SortedFunc(maps.Keys(known), compare) {
		known[p].topic = topics[p.Topic]
		s.partitions = append(s.partitions, *known[p])
	}
	for i := range s.partitions {
		if p := &s.partitions[i]; p.before != nobody {
			s.give(p, p.before)
		}
	}
	for i := range s.partitions {
		if p := &s.partitions[i]; p.owner == nobody {
			s.give(p, s.poorest(p))
		}
	}
	return s
}

// level takes partitions of a topic from a member that has at least two more of it than another.
// improve takes longer for each move. level leaves it only the partitions that members have to
// exchange.
func (s *sharing) level() {
	for {
		var most *shared
		var gain [2]int
		for i := range s.partitions {
			p := &s.partitions[i]
			to := s.poorest(p)
			topic := s.seats[s.seat(p.owner, p.topic)] - s.seats[s.seat(to, p.topic)]
			total := s.load[p.owner] - s.load[to]
			if topic > 1 && (topic > gain[0] || topic == gain[0] && total > gain[1]) {
				most, gain = p, [2]int{topic, total}
			}
		}
		if most == nil {
			return
		}
		s.give(most, s.poorest(most))
	}
}

// poorest returns, of the members that can own p, the one that has the fewest partitions of its
// topic. Among equals it is the one that has the fewest in all.
func (s *sharing) poorest(p *shared) int {
	least := p.able[0]
	for _, m := range p.able[1:] {
		of, than := s.seats[s.seat(m, p.topic)], s.seats[s.seat(least, p.topic)]
		if of < than || of == than && s.load[m] < s.load[least] {
			least = m
		}
	}
	return least
}

func (s *sharing) seat(member, topic int) int { return member*s.topics + topic }

func (s *sharing) give(p *shared, member int) {
	if p.owner != nobody {
		s.load[p.owner]--
		s.seats[s.seat(p.owner, p.topic)]--
	}
	p.owner = member
	s.load[member]++
	s.seats[s.seat(member, p.topic)]++
}
