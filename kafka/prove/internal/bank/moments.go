package bank

import (
	"cmp"
	"math"
	"slices"
)

// order checks that each commit stands behind all commits that were known before it was asked for.
func (c *checker) order() {
	earliest := -1 // place of the commit behind that was known first
	for place := len(c.commits) - 1; place >= 0; place-- {
		now := &c.commits[place]
		if earliest >= 0 && c.commits[earliest].known < now.called() {
			c.report(RuleOrder, "%s at offset %d was known %.6f s before this was asked for: %s at offset %d",
				c.commits[earliest].op, c.commits[earliest].Offset, seconds(now.called()-c.commits[earliest].known),
				now.op, now.Offset)
		}
		if earliest < 0 || now.known < c.commits[earliest].known {
			earliest = place
		}
	}
}

// shown is a state that somebody knew to be reached at a time.
type shown struct {
	at    int64
	state int
	by    *Op
}

// moments finds a place in the log for each answer that needs one: the first one that is possible.
// If answers that returned before have the first possible places, no later answer can have an
// earlier one. So if this finds no place, there is none.
func (c *checker) moments() {
	var reached []shown
	for place := range c.commits {
		if now := &c.commits[place]; now.known != Forever {
			reached = append(reached, shown{now.known, place + 1, now.op})
		}
	}
	var asked []*Op
	for i := range c.h.Ops {
		if op := &c.h.Ops[i]; op.Outcome == Confirmed && op.Plan != nil {
			asked = append(asked, op)
		}
	}
	slices.SortFunc(asked, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	before := c.before()
	var low shown
	for _, op := range asked {
		reached = slices.DeleteFunc(reached, func(s shown) bool {
			if s.at < op.Call && s.state > low.state {
				low = s
			}
			return s.at < op.Call
		})
		if state, ok := c.moment(op, low, before(op.Return)); ok && op.exact() {
			reached = append(reached, shown{op.Return, state, op})
		}
	}
}

// moment returns the first state in which all that the answer saw holds, if that is not before low
// and not behind high.
func (c *checker) moment(op *Op, low shown, high int) (state int, ok bool) {
	first, last := 0, len(c.commits)
	for _, e := range op.Plan.Expect {
		if s := c.stream(e.Stream); e.Read && !s.holds(e.Version, e.Event) {
			c.report(RuleMoment, "%s: the log does not hold event %s as version %d of %s", op, e.Event, e.Version,
				e.Stream)
			return 0, false
		}
		from, to := c.stood(e.Stream, e.Version)
		first, last = max(first, from), min(last, to)
	}
	for _, e := range op.Plan.Commands {
		from, to := c.appliedIn(e.Command, e.Applied)
		first, last = max(first, from), min(last, to)
	}
	if command := op.Plan.Command; command != "" { // otherwise the answer is the command's first result
		_, to := c.appliedIn(command, false)
		last = min(last, to)
	}
	if !op.exact() {
		low = shown{}
	}
	switch {
	case first > last:
		c.report(RuleMoment, "%s: at no moment did all of that hold together", op)
	case last < low.state:
		c.report(RuleMoment, "%s: it was over after %d commits, and %.6f s before it was asked for there were %d: %s",
			op, last, seconds(op.Call-low.at), low.state, low.by)
	case first > high:
		c.report(RuleMoment, "%s: it came about after %d commits, and only %d were asked for by then", op, first, high)
	case low.state > high:
		c.report(RuleMoment, "%s: %d commits were known before it, %s, and only %d were asked for by its end", op,
			low.state, low.by, high)
	default:
		return max(first, low.state), true
	}
	return 0, false
}

// appliedIn returns the states in which the command is applied, or is not.
func (c *checker) appliedIn(command string, applied bool) (first, last int) {
	place, ever := c.commands[command]
	switch {
	case !ever && applied:
		return 0, -1
	case !ever:
		return 0, len(c.commits)
	case applied:
		return place + 1, len(c.commits)
	}
	return 0, place
}

// before returns a function that returns the last state without a commit that was asked for later
// than the time.
func (c *checker) before() func(at int64) int {
	type asked struct {
		call  int64
		place int
	}
	all := []asked{{math.MaxInt64, len(c.commits)}}
	for place := range c.commits {
		all = append(all, asked{c.commits[place].called(), place})
	}
	slices.SortFunc(all, func(a, b asked) int { return cmp.Compare(a.call, b.call) })
	for i := len(all) - 2; i >= 0; i-- {
		all[i].place = min(all[i].place, all[i+1].place)
	}
	return func(at int64) int {
		i, _ := slices.BinarySearchFunc(all, at, func(a asked, at int64) int {
			if a.call > at {
				return 1
			}
			return -1
		})
		return all[min(i, len(all)-1)].place
	}
}
