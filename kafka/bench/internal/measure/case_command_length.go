package measure

import (
	"context"
	"errors"
	"fmt"
)

// commandLengths is the case of one caller who sends commands to streams of several lengths.
func (r *run) commandLengths(ctx context.Context) (t Table, err error) {
	b, err := r.longBranch(ctx)
	if err != nil {
		return t, err
	}
	cfg := b.cfg
	cfg.Hooks.Appended = noteAppend
	teller, err := b.openOwner(ctx, cfg)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, teller.store.Close()) }()
	l := &byLength{run: r, teller: teller, src: r.source(), lengths: r.lengths(r.size.compared)}
	for _, streams := range l.lengths {
		l.before = append(l.before, b.commandsTo(streams))
	}
	if err := l.firstCommands(ctx); err != nil {
		return t, err
	}
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		settle()
		if err := r.profiled("command-length", round, func() error { return l.round(ctx) }); err != nil {
			return t, err
		}
		for _, c := range l.warm {
			r.say("command-length: round %d: %-20s %s", round, c.name, c.end(round > 0))
		}
	}
	return l.table(ctx)
}

// byLength is the case of commands to streams of several lengths.
type byLength struct {
	run     *run
	teller  *teller
	src     *source
	lengths []lengthOfStreams
	before  []int64   // by length: commands of other cases
	first   []float64 // by length: p50 of the first command to each stream
	warm    []*timed  // by length
	sent    []int     // by length, since firstCommands
}

// firstCommands sends the first command to each stream.
func (l *byLength) firstCommands(ctx context.Context) error {
	for _, streams := range l.lengths {
		first := &timed{name: streams.name()}
		for i := range streams.count {
			took, err := l.teller.creditTimed(ctx, l.src, streams.first+i)
			if err != nil {
				return fmt.Errorf("%s: %w", first.name, err)
			}
			first.add(took)
		}
		l.first = append(l.first, quantile(first.whole, 0.50))
		l.run.say("command-length: the first command to each stream: %-20s %s", first.name, first.end(false))
		l.warm = append(l.warm, &timed{name: first.name, sent: first.sent})
		l.sent = append(l.sent, 0)
	}
	return nil
}

// round sends commands to all lengths in turn. A length gets no more of them once they took the
// time of a turn, and each stream had one.
func (l *byLength) round(ctx context.Context) error {
	for range l.run.size.single {
		for i, c := range l.warm {
			streams := l.lengths[i]
			if len(c.whole) >= leastStreams && c.spent() > l.run.size.turn {
				continue
			}
			took, err := l.teller.creditTimed(ctx, l.src, streams.first+l.sent[i]%streams.count)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			l.sent[i]++
			c.add(took)
		}
	}
	return nil
}

// table counts what is stored, length by length, and returns the table.
func (l *byLength) table(ctx context.Context) (Table, error) {
	const most = 1.2
	shortest, longest := l.warm[0], l.warm[len(l.warm)-1]
	t := Table{
		Title: fmt.Sprintf("one caller sends one CreditAccount at a time to streams of several lengths, %d partitions",
			partitions),
		Columns: []Column{
			{"p50", Seconds},
			{"p99", Seconds},
			{"p50 before the append", Seconds},
			{"first command", Seconds},
			{"commands", Number},
		},
		Goals: []Goal{{
			Text:  fmt.Sprintf("p50 with %s against %s", longest.name, shortest.name),
			Found: ratios(longest.p50, shortest.p50), Want: most, AtMost: true,
		}},
		Ratios: []Ratio{{
			Text:  fmt.Sprintf("p50 before the append with %s against %s", longest.name, shortest.name),
			Found: ratios(longest.beforeP50, shortest.beforeP50),
		}},
		Notes: []string{
			"the lengths take turns command by command, and the streams of a length do, too",
			"the first command to each stream does not count, and stands in a column: the median over the streams",
			"before the append, a command is dispatched, loaded, decided and encoded",
			fmt.Sprintf("a length gets no more commands in a round once they took %v", l.run.size.turn),
			"the streams were filled in commits of one command and up to 1,000 events",
		},
	}
	b := l.teller.branch
	for i, streams := range l.lengths {
		c, grown := l.warm[i], int64(0)
		row := Row{
			Contender: fmt.Sprintf("%s, %d streams", c.name, streams.count),
			Figures:   [][]float64{c.p50, c.p99, c.beforeP50, {l.first[i]}, c.commands}, Claimed: c.sent,
		}
		err := row.verify(ctx, func() (int64, error) {
			_, err := b.stored(ctx)
			for _, at := range streams.of(b.audit.accounts) {
				grown = max(grown, at.version)
			}
			return b.commandsTo(streams) - l.before[i], err
		})
		if err != nil {
			return t, err
		}
		t.Rows = append(t.Rows, row)
		t.Notes = append(t.Notes, fmt.Sprintf("in the end, streams of %s had %s at most", c.name, thousands(grown)))
	}
	return t, nil
}
