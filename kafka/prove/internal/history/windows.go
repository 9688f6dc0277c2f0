package history

// linear is an operation on its way to the checker, with what is known of it and with its version.
type linear struct {
	step         step
	call, result int64
	// of an operation that does not write: the version that it saw, or the version that its
	// repeated command made
	after int64
}

// narrow makes the time in which each operation can have taken effect as small as the versions
// allow. It changes all in place. In every order that the model accepts, versions come one after
// the other. So the append of a version took effect before the append of the next version returned.
// It took effect after the append of the version before was called. An operation that saw a version
// stands between the appends of that version and of the next one.
//
// No order that the model accepts is lost. The checker need not try the others, which are too many
// if calls lasted long. If no time is left for an operation, narrow returns it: then there is no
// order at all.
func narrow(all []*linear) *linear {
	made := make(map[int64]*linear) // version → the append that ended there
	begun := make(map[int64]*linear)
	var last int64
	for _, l := range all {
		if l.writes() {
			made[l.step.op.Last], begun[l.step.op.First-1] = l, l
			last = max(last, l.step.op.Last)
		}
	}
	for v := int64(0); v < last; { // forwards: no earlier than the call of the append before
		l := begun[v]
		if l == nil {
			return nil // the checker will find that a version is missing
		}
		if before := made[v]; before != nil {
			l.call = max(l.call, before.call)
		}
		v = l.step.op.Last
	}
	for v := last; v > 0; { // backwards: no later than the return of the append after
		l := made[v]
		if l == nil {
			return nil
		}
		if next := begun[v]; next != nil {
			l.result = min(l.result, next.result)
		}
		v = l.step.op.First - 1
	}
	for _, l := range all {
		if !l.writes() {
			if before := made[l.after]; before != nil {
				l.call = max(l.call, before.call)
			}
			if next := begun[l.after]; next != nil && l.step.op.Outcome != Appended { // repeated: also any time later
				l.result = min(l.result, next.result)
			}
		}
		if l.call > l.result {
			return l
		}
	}
	return nil
}

func (l *linear) writes() bool {
	return l.step.op.Kind == Append && l.step.op.Outcome == Appended && !l.step.op.Repeated
}
