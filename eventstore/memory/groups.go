package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/wake"
)

// group is the subscriptions of one name to one category, which share its partitions. A partition
// goes to another member once the member that has it has handed it over.
type group struct {
	partitions []*partition
	changed    wake.Bell // rung when members come and go, and when a partition is handed over

	mu      sync.Mutex
	members []*member // in the order in which they came
	parts   []part    // by partition
}

// part is what a group knows of a partition.
type part struct {
	wanted    *member // who is to handle it; nil if there is no member
	holder    *member // who handles it, until it has handed it over
	began     bool    // committed is known
	committed int64   // the offset before which all is done
}

func newGroup(partitions []*partition) *group {
	return &group{partitions: partitions, parts: make([]part, len(partitions))}
}

// join adds a member, and divides the partitions anew.
func (g *group) join(m *member) { g.divide(func() { g.members = append(g.members, m) }) }

// leave takes a member out. Its partitions go to the others as it hands them over.
func (g *group) leave(m *member) {
	g.divide(func() {
		g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	})
}

// divide gives the members equal shares after change, with as few moves as that takes.
func (g *group) divide(change func()) {
	g.mu.Lock()
	defer g.changed.Ring()
	defer g.mu.Unlock()
	change()
	left := make(map[*member]int, len(g.members)) // how many more a member is to have
	for i, m := range g.members {
		left[m] = len(g.parts) / len(g.members)
		if i < len(g.parts)%len(g.members) {
			left[m]++
		}
	}
	for i := range g.parts {
		if p := &g.parts[i]; left[p.wanted] > 0 {
			left[p.wanted]--
		} else {
			p.wanted = nil
		}
	}
	for i := range g.parts {
		if p := &g.parts[i]; p.wanted == nil {
			for _, m := range g.members {
				if left[m] > 0 {
					left[m]--
					p.wanted = m
					break
				}
			}
		}
	}
}

// take reports what the member does about a partition. It handles the partition from now on, or
// waits until another member has handed it over, or neither.
func (g *group) take(m *member, n int32) (handle, wait bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &g.parts[n]
	if p.wanted != m || p.holder == m {
		return false, false
	}
	if p.holder != nil {
		return false, true
	}
	p.holder = m
	return true, false
}

// wants reports whether the member is to handle the partition.
func (g *group) wants(m *member, n int32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.parts[n].wanted == m
}

// release hands a partition over.
func (g *group) release(n int32) {
	g.mu.Lock()
	g.parts[n].holder = nil
	g.mu.Unlock()
	g.changed.Ring()
}

// begin returns the offset from which a partition is handled: the group's, or, the first time, that
// of start.
func (g *group) begin(n int32, start eventstore.Start) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &g.parts[n]
	if !p.began {
		p.began, p.committed = true, g.partitions[n].begin(start)
	}
	return p.committed
}

// commit moves the group's offset of a partition.
func (g *group) commit(n int32, offset int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.parts[n].committed = offset
}

// done returns the offset before which all of a partition is done.
func (g *group) done(n int32) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.parts[n].committed
}

// waitFor waits until the group or the end of ctx wakes it.
func waitFor(ctx context.Context, woken <-chan struct{}) {
	select {
	case <-woken:
	case <-ctx.Done():
	}
}
