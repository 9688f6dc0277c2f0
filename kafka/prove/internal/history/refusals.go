package history

import (
	"cmp"
	"slices"
)

// refusals checks that no refusal rests on a state that was over before the refusal was asked for.
// At some moment between call and return, the stream had the version that the refusal saw. There is
// no exception, whichever store owned the partition.
//
// The log has one order. So if anybody was shown a version before the call, the stream had reached
// it before the call. The rule of prefixes checks the other half: the stream reached what the
// refusal saw before its return.
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
