package history

// linear is an operation on its way to the checker: with what was learned of it, and where its
// version stands.
type linear struct {
	step         step
	call, result int64
	// of what does not write: the version that it saw, or, if it repeats a command, that the
	// command made
	after int64
}

// narrow makes the time in which each operation can have taken effect as small as the versions
// allow, in place. In every order that the model accepts, versions come one after the other: so
// what made a version came before what made the next one returned, and after what made the one
// before was called; and what saw a version stands between the two. No such order is lost, and the
// checker need not try the others, which are too many when calls lasted long. It returns an
// operation for which no time is left, if there is one: then there is no order at all.
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
	for v := int64(0); v < last; { // forwards: no earlier than the call of what came before
		l := begun[v]
		if l == nil {
			return nil // the checker will find that a version is missing
		}
		if before := made[v]; before != nil {
			l.call = max(l.call, before.call)
		}
		v = l.step.op.Last
	}
	for v := last; v > 0; { // backwards: no later than the return of what came after
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
