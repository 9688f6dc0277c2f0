package history

import (
	"cmp"
	"slices"
)

// refusals checks that no refusal was told on a state that was over before it was asked for: its
// stream stood where the refusal saw it at some moment between call and return. There is no
// exception, whoever owned the partition.
//
// The log has one order, so a version that anybody was shown before the call had been reached
// before the call. That what a refusal saw was there before its return is the rule of prefixes.
func (c *checker) refusals() {
	var shown, asked []*Op
	for i := range c.ops {
		op := &c.ops[i]
		if _, ok := op.observed(); !ok {
			continue
		}
		shown = append(shown, op)
		if op.Kind == Refusal {
			asked = append(asked, op)
		}
	}
	slices.SortFunc(shown, func(a, b *Op) int { return cmp.Compare(a.Return, b.Return) })
	slices.SortFunc(asked, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	var newest *Op
	var reached int64
	for _, op := range asked {
		for len(shown) > 0 && shown[0].Return < op.Call {
			if n, _ := shown[0].observed(); n > reached {
				newest, reached = shown[0], n
			}
			shown = shown[1:]
		}
		if n, _ := op.observed(); n < reached {
			c.report(RuleRefusal, "%s: rests on version %d, which was over %.6f s before it was asked for: %s",
				op, n, seconds(op.Call-newest.Return), newest)
		}
	}
}
