package history

import (
	"cmp"
	"slices"
)

// Outdated is an answer from a state that had passed before the question was asked. An append that
// was acknowledged before the question had moved the stream on.
type Outdated struct{ Answer, Acknowledged Op }

// FindOutdated returns the conflicts and the reads of a stream that were answered from the past.
// Only a store that was overtaken may answer so: see [Check].
func FindOutdated(ops []Op) []Outdated {
	var acknowledged, asked []*Op
	for i := range ops {
		switch op := &ops[i]; op.Outcome {
		case Appended:
			acknowledged = append(acknowledged, op)
		case Conflict, Answered:
			if op.Kind != Refusal { // a refusal may not answer so, and Check finds those
				asked = append(asked, op)
			}
		default:
		}
	}
	slices.SortFunc(acknowledged, func(a, b *Op) int { return cmp.Compare(a.Return, b.Return) })
	slices.SortFunc(asked, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	var found []Outdated
	var newest *Op
	for _, op := range asked {
		for len(acknowledged) > 0 && acknowledged[0].Return < op.Call {
			if newest == nil || acknowledged[0].Last > newest.Last {
				newest = acknowledged[0]
			}
			acknowledged = acknowledged[1:]
		}
		if n, _ := op.observed(); newest != nil && n < newest.Last {
			found = append(found, Outdated{Answer: *op, Acknowledged: *newest})
		}
	}
	return found
}
