package measure

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// leastStreams is how many streams of each length there are at least.
const leastStreams = 3

// lengthOfStreams is the streams of one length, which are accounts of a branch.
type lengthOfStreams struct {
	length int
	first  int // number of the first account
	count  int
}

// name returns the length for people.
func (l lengthOfStreams) name() string { return thousands(int64(l.length)) + " events" }

// of returns those of the accounts that are the streams.
func (l lengthOfStreams) of(accounts []standing) []standing {
	return accounts[l.first : l.first+l.count]
}

// lengths returns the streams of some lengths, of the branch of long streams. There are more of the
// short ones, because they grow by the commands that they get.
func (r *run) lengths(some []int) []lengthOfStreams {
	var all []lengthOfStreams
	next := 0
	for _, length := range r.size.lengths {
		count := max(leastStreams, r.size.shortEvents/length)
		if slices.Contains(some, length) {
			all = append(all, lengthOfStreams{length: length, first: next, count: count})
		}
		next += count
	}
	return all
}

// longBranch returns the branch of long streams.
func (r *run) longBranch(ctx context.Context) (*branch, error) {
	all := r.lengths(r.size.lengths)
	last := all[len(all)-1]
	return r.branch(ctx, "command-streams", last.first+last.count, func(number int) int {
		i := slices.IndexFunc(all, func(l lengthOfStreams) bool { return number < l.first+l.count })
		return all[i].length
	})
}

// commandsTo returns how many commands the streams got since the branch was filled, as far as the
// audit has read.
func (b *branch) commandsTo(l lengthOfStreams) (n int64) {
	for _, at := range l.of(b.audit.accounts) {
		n += at.version - int64(l.length)
	}
	return n
}

// timed is a kind of command, and how long each of them took.
type timed struct {
	name          string
	before, whole []time.Duration // in this round
	sent, stored  int64           // in all rounds

	beforeP50, beforeP99, p50, p99, commands []float64
}

func (c *timed) add(took commandTimes) {
	c.before, c.whole, c.sent = append(c.before, took.before), append(c.whole, took.whole), c.sent+1
}

// spent returns how long the commands of this round took.
func (c *timed) spent() (sum time.Duration) {
	for _, d := range c.whole {
		sum += d
	}
	return sum
}

// end ends a round, and adds it to the figures if they are wanted. It says what it found.
func (c *timed) end(wanted bool) string {
	before, p50 := quantile(c.before, 0.50), quantile(c.whole, 0.50)
	if wanted {
		c.beforeP50, c.beforeP99 = append(c.beforeP50, before), append(c.beforeP99, quantile(c.before, 0.99))
		c.p50, c.p99 = append(c.p50, p50), append(c.p99, quantile(c.whole, 0.99))
		c.commands = append(c.commands, float64(len(c.whole)))
	}
	said := fmt.Sprintf("p50 %s, %s of it before the append, %d commands", Seconds.format(p50), Seconds.format(before),
		len(c.whole))
	c.before, c.whole = c.before[:0], c.whole[:0]
	return said
}
