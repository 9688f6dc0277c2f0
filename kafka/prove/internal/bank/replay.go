package bank

import (
	"maps"
	"strings"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// replay applies the log, commit by commit, and checks each state.
func (c *checker) replay() {
	for place := range c.commits {
		now := &c.commits[place]
		if now.plan != nil {
			c.expected(now)
			c.commandsExpected(now)
		}
		c.freeze(now)
		c.once(place)
		c.apply(place)
		c.money(now)
	}
}

// expected checks that all streams stand as the commit expects, right before it.
func (c *checker) expected(now *commit) {
	for _, e := range now.plan.Expect {
		if e.Version == history.Any {
			continue
		}
		s := c.stream(e.Stream)
		switch version := s.version(); {
		case version != e.Version:
			c.report(RuleExpected, "%s: stored at offset %d on %s at version %d, which was at version %d", now.op,
				now.Offset, e.Stream, e.Version, version)
		case e.Read && s.last().event != e.Event:
			c.report(RuleExpected, "%s: stored at offset %d on event %s as version %d of %s, which was event %s",
				now.op, now.Offset, e.Event, e.Version, e.Stream, s.last().event)
		}
	}
}

// commandsExpected checks that the commands are applied, or are not, as the commit expects.
func (c *checker) commandsExpected(now *commit) {
	for _, e := range now.plan.Commands {
		if _, applied := c.commands[e.Command]; applied != e.Applied {
			c.report(RuleExpected, "%s: stored at offset %d on command %s applied: %t, which was %t", now.op,
				now.Offset, e.Command, e.Applied, applied)
		}
	}
}

// freeze checks that no money moves while there is a freeze.
func (c *checker) freeze(now *commit) {
	if now.plan == nil || c.stream(FreezeOf(c.h.Bank)).last().balance == 0 {
		return
	}
	for _, w := range now.plan.Writes {
		if w.What == moved {
			c.report(RuleFrozen, "%s: stored at offset %d during a freeze", now.op, now.Offset)
			return
		}
	}
}

// once checks that the commit is the first one of its command.
func (c *checker) once(place int) {
	command := c.commits[place].Records[0].Command
	if command == "" {
		return
	}
	if first, twice := c.commands[command]; twice {
		c.report(RuleCommand, "command %s: %s at offset %d, and %s at offset %d", command, c.commits[first].op,
			c.commits[first].Offset, c.commits[place].op, c.commits[place].Offset)
		return
	}
	c.commands[command] = place
}

// apply adds the events to their streams.
func (c *checker) apply(place int) {
	now := &c.commits[place]
	for i := range now.Records {
		r := &now.Records[i]
		s := c.stream(r.Stream)
		if r.Version != s.version()+1 {
			c.report(RuleVersions, "offset %d holds version %d of %s, which was at version %d", r.Offset, r.Version,
				r.Stream, s.version())
		}
		amount, err := AmountOf([]byte(r.Value))
		if err != nil {
			c.report(RuleOrigin, "offset %d: %v", r.Offset, err)
		}
		if r.Stream == Account(c.h.Bank, 1) && strings.HasPrefix(r.Value, opened) {
			c.founded = true
		}
		before := s.last()
		s.events = append(s.events, entry{
			event: r.Event, balance: before.balance + amount, place: place, needs: before.needs,
		})
	}
	written := now.result().Parts
	for _, p := range written {
		s := c.stream(p.Stream)
		needs := maps.Clone(s.last().needs)
		if needs == nil {
			needs = make(map[string]int64)
		}
		for _, other := range written {
			if other.Stream != p.Stream {
				needs[other.Stream] = other.Last
			}
		}
		s.events[len(s.events)-1].needs = needs
	}
}

// money checks the state after a commit.
func (c *checker) money(now *commit) {
	var sum int64
	for name, s := range c.streams {
		if !isAccount(name) {
			continue
		}
		balance := s.last().balance
		if sum += balance; balance < 0 {
			c.report(RuleBelow, "%s holds %d after offset %d, %s", name, balance, now.Offset, now.op)
		}
	}
	if c.founded && sum != Money || !c.founded && sum != 0 {
		c.report(RuleSum, "the accounts hold %d after offset %d, founded: %t, %s", sum, now.Offset, c.founded, now.op)
	}
	for n := range Pairs {
		pair := Pair(c.h.Bank, n+1)
		if both := c.stream(pair[0]).last().balance + c.stream(pair[1]).last().balance; both < 0 {
			c.report(RulePair, "%s and %s hold %d after offset %d, %s", pair[0], pair[1], both, now.Offset, now.op)
		}
	}
}
