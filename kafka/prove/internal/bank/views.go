package bank

// views checks what operations saw inside: streams that the store has shown as standing together.
// That must hold whatever became of the operation.
//
// Such a view is what is stored, and the commits of the lines on top of it. It need not be a state
// of the log. A commit beside the lines is not shown, and may be stored before one that is. But the
// view has all events of a commit, or none. So
//   - the accounts hold all the money, and none is below zero. That holds also if queued commits of
//     the view were never stored: each moves money only, and takes it from an account that it saw;
//   - if one stream is seen with a commit of the log, so are all others that the commit writes to.
//
// The second cannot be said of streams whose last event was queued and never stored. A pair may be
// below zero in a view. A withdrawal of the line may rest on a pot to which a commit beside the
// lines has written meanwhile. It is still shown, and will be refused.
func (c *checker) views() {
	for i := range c.h.Ops {
		if op := &c.h.Ops[i]; op.Joint && len(op.Seen) > 1 {
			c.verdict.Views++
			c.rightMoney(op)
			if c.notTorn(op) {
				c.verdict.Compared++
			}
		}
	}
}

// rightMoney checks the money of a view.
func (c *checker) rightMoney(op *Op) {
	var sum int64
	accounts := 0
	for _, s := range op.Seen {
		if isAccount(s.Stream) {
			accounts++
			if sum += s.Balance; s.Balance < 0 {
				c.report(RuleTorn, "%s: %s is below zero", op, s.Stream)
			}
		}
	}
	if accounts == Accounts && sum != Money && sum != 0 {
		c.report(RuleTorn, "%s: the accounts hold %d together", op, sum)
	}
}

// notTorn checks that the view has no part of a commit of the log. It reports whether all of the
// view is in the log.
func (c *checker) notTorn(op *Op) bool {
	all := true
	for _, one := range op.Seen {
		s := c.stream(one.Stream)
		if !s.holds(one.Version, one.Event) {
			all = false
			continue
		}
		if v := one.Version; v > 0 && v < s.version() && s.entry(v).place == s.entry(v+1).place {
			c.report(RuleTorn, "%s: version %d of %s is amid a commit", op, v, one.Stream)
		}
		for _, other := range op.Seen {
			needs := s.entry(one.Version).needs[other.Stream]
			if other.Version < needs {
				c.report(RuleTorn, "%s: a commit wrote to %s up to version %d and to %s up to version %d", op,
					one.Stream, one.Version, other.Stream, needs)
			}
		}
	}
	return all
}
