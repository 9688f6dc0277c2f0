package sharing

import "cmp"

// improve makes one member pass a partition to another, which passes one on, until a member can
// keep what it gets. That is the search for a cycle of negative cost in a graph, as for a flow of
// least cost. The nodes of the graph are:
//
//   - a seat, which is one topic of one member: a partition that comes here is one too many of the
//     topic;
//   - a member: a partition that comes here counts in its topic already, and is one too many in
//     all;
//   - the rest of the group: a partition that comes here has been counted in its topic and in all.
//
// If an assignment has no such cycle, no other one is better.

// cost says by how much a change makes an assignment worse by the rules of assign. If it is
// negative, the change makes it better.
type cost struct{ topic, total, moves int }

func (c cost) plus(d cost) cost { return cost{c.topic + d.topic, c.total + d.total, c.moves + d.moves} }

func (c cost) less(d cost) bool {
	return cmp.Or(cmp.Compare(c.topic, d.topic), cmp.Compare(c.total, d.total), cmp.Compare(c.moves, d.moves)) < 0
}

// more and fewer return how the square of n changes when one comes and when one goes.
func more(n int) int  { return 2*n + 1 }
func fewer(n int) int { return 1 - 2*n }

// edge is one step. If it moves a partition, the partition goes from the member of seat from to the
// member of seat to.
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

// moves returns the steps from seat to seat. For each pair of seats it has the partition that moves
// at the least cost.
func (s *sharing) moves() []edge {
	edges := make([]edge, 0, len(s.partitions)*2)
	at := make([]int, len(s.seats)*len(s.members)) // place in edges, counted from 1, by seat and new member
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

// counts returns the steps by which a partition begins to count for a member, or another partition
// of that member no longer counts.
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

// negativeCycle returns the edges of a cycle whose costs add up to less than zero, or nil if there
// is none. It is the algorithm of Bellman and Ford.
func negativeCycle(nodes int, edges []edge) []edge {
	least := make([]cost, nodes) // least cost of a way to the node, from any beginning
	last := make([]int, nodes)   // last edge of that way
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
	seen := make([]int, len(last)) // number of the search that has seen the node, from 1
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
