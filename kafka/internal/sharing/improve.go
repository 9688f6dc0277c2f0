package sharing

import "cmp"

// An assignment is improved by passing one partition more than it should have from member to
// member, until somebody can do with it. That is the search for a cycle of negative cost in a
// graph, as for a flow of least cost. Its nodes are:
//
//   - a seat, which is one topic of one member: what comes here is one partition too many of the
//     topic;
//   - a member: what comes here counts in its topic already, and is one partition too many in all;
//   - the rest of the group, where all has been counted.
//
// An assignment from which no such cycle leads is the best there is.

// cost is what a change makes worse, or better where it is negative, by the rules of assign.
type cost struct{ topic, total, moves int }

func (c cost) plus(d cost) cost { return cost{c.topic + d.topic, c.total + d.total, c.moves + d.moves} }

func (c cost) less(d cost) bool {
	return cmp.Or(cmp.Compare(c.topic, d.topic), cmp.Compare(c.total, d.total), cmp.Compare(c.moves, d.moves)) < 0
}

// more and fewer are how the square of n changes when one comes and when one goes.
func more(n int) int  { return 2*n + 1 }
func fewer(n int) int { return 1 - 2*n }

// edge is one step. Where it moves a partition, that goes from the member of the one seat to that
// of the other.
type edge struct {
	from, to int
	cost     cost
	moves    int // the partition, or nothing
}

const nothing = -1

// improve makes the assignment better, and reports whether that was possible.
func (s *sharing) improve() bool {
	edges := append(s.moves(), s.counts()...)
	cycle := negativeCycle(len(s.seats)+len(s.members)+1, edges)
	for _, e := range cycle {
		if e.moves != nothing {
			s.give(&s.partitions[e.moves], e.to/s.topics)
		}
	}
	return len(cycle) > 0
}

// moves returns the steps from seat to seat: for each pair the partition that is moved at the least
// cost.
func (s *sharing) moves() []edge {
	edges := make([]edge, 0, len(s.partitions)*2)
	at := make([]int, len(s.seats)*len(s.members)) // in edges, counted from 1, by where from and to whom
	for i := range s.partitions {
		p := &s.partitions[i]
		for _, m := range p.able {
			if m == p.owner {
				continue
			}
			e := edge{from: s.seat(p.owner, p.topic), to: s.seat(m, p.topic), moves: i}
			switch p.before {
			case p.owner:
				e.cost.moves = 1
			case m:
				e.cost.moves = -1
			}
			n := &at[e.from*len(s.members)+m]
			if *n == 0 {
				edges = append(edges, e)
				*n = len(edges)
			} else if e.cost.less(edges[*n-1].cost) {
				edges[*n-1] = e
			}
		}
	}
	return edges
}

// counts returns the steps by which a partition comes to count for a member, or another one of the
// member's does no longer.
func (s *sharing) counts() []edge {
	var edges []edge
	rest := len(s.seats) + len(s.members)
	for m, load := range s.load {
		member := len(s.seats) + m
		edges = append(edges, edge{from: member, to: rest, cost: cost{total: more(load)}, moves: nothing})
		if load > 0 {
			edges = append(edges, edge{from: rest, to: member, cost: cost{total: fewer(load)}, moves: nothing})
		}
		for t := range s.topics {
			seat := s.seat(m, t)
			edges = append(edges, edge{from: seat, to: member, cost: cost{topic: more(s.seats[seat])}, moves: nothing})
			if s.seats[seat] > 0 {
				edges = append(edges,
					edge{from: member, to: seat, cost: cost{topic: fewer(s.seats[seat])}, moves: nothing})
			}
		}
	}
	return edges
}

// negativeCycle returns the edges of a cycle whose costs add up to less than nothing, or nil if
// there is none. It is the algorithm of Bellman and Ford.
func negativeCycle(nodes int, edges []edge) []edge {
	least := make([]cost, nodes) // of a way to the node, from wherever it begins
	last := make([]int, nodes)   // edge of that way
	for n := range last {
		last[n] = nothing
	}
	for {
		better := false
		for i, e := range edges {
			if c := least[e.from].plus(e.cost); c.less(least[e.to]) {
				least[e.to], last[e.to], better = c, i, true
			}
		}
		if cycle := cycleOf(last, edges); cycle != nil || !better {
			return cycle
		}
	}
}

// cycleOf returns a cycle among the last edges, or nil if there is none.
func cycleOf(last []int, edges []edge) []edge {
	seen := make([]int, len(last)) // in which search, counted from 1
	for start := range last {
		n := start
		for seen[n] == 0 && last[n] != nothing {
			seen[n] = start + 1
			n = edges[last[n]].from
		}
		if seen[n] != start+1 || last[n] == nothing {
			continue
		}
		var cycle []edge
		for first := n; len(cycle) == 0 || n != first; n = edges[last[n]].from {
			cycle = append(cycle, edges[last[n]])
		}
		return cycle
	}
	return nil
}
