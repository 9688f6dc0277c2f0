package measure

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/kafka"
)

// commandFirst is the case of the first command to a stream after its owner has started, or after
// another process has become the owner.
func (r *run) commandFirst(ctx context.Context) (t Table, err error) {
	const name = "command-first"
	b, err := r.longBranch(ctx)
	if err != nil {
		return t, err
	}
	f := &firstCommands{branch: b, src: r.source(), lengths: r.lengths(r.size.cold)}
	for _, streams := range f.lengths {
		f.read = append(f.read, b.commandsTo(streams))
		f.started = append(f.started, &timed{name: "after a start: " + streams.name()})
		f.taken = append(f.taken, &timed{name: "after a takeover: " + streams.name()})
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.open(ctx, r.folder(b.cfg.Topics.Prefix+"-other")); err != nil {
		return t, err
	}
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		err := r.profiled(name, round, func() error {
			passed := stopwatch()
			for i := 0; i == 0 || i < r.size.starts && passed() < r.size.turn; i++ {
				if err := f.start(ctx); err != nil {
					return err
				}
				if err := f.takeover(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return t, err
		}
		for i := range f.lengths {
			for _, c := range []*timed{f.started[i], f.taken[i]} {
				r.say("%s: round %d: %-36s %s", name, round, c.name, c.end(round > 0))
			}
		}
	}
	return f.table(ctx)
}

// firstCommands is two tellers of one branch, each with its own index.
type firstCommands struct {
	branch  *branch
	src     *source
	lengths []lengthOfStreams

	cfgs    [2]kafka.Config
	tellers [2]*teller
	current int // the owner

	read           []int64  // by length: commands that the audit has read
	started, taken []*timed // by length
}

// open opens an owner, and another one that follows, with an index in that folder.
func (f *firstCommands) open(ctx context.Context, folder string) (err error) {
	for i := range f.cfgs {
		f.cfgs[i] = f.branch.cfg
		f.cfgs[i].Hooks.Appended = noteAppend
	}
	f.cfgs[1].IndexDir = folder
	if f.tellers[0], err = f.branch.openOwner(ctx, f.cfgs[0]); err != nil {
		return err
	}
	f.tellers[1], err = f.branch.open(ctx, f.cfgs[1])
	return err
}

func (f *firstCommands) close() error {
	var errs []error
	for i := range f.tellers {
		errs = append(errs, f.closeTeller(i))
	}
	return errors.Join(errs...)
}

func (f *firstCommands) closeTeller(i int) error {
	t := f.tellers[i]
	f.tellers[i] = nil
	if t == nil {
		return nil
	}
	return t.store.Close()
}

// start closes the owner, opens it again, and sends a command to each stream.
func (f *firstCommands) start(ctx context.Context) (err error) {
	if err := f.closeTeller(f.current); err != nil {
		return err
	}
	if f.tellers[f.current], err = f.branch.openOwner(ctx, f.cfgs[f.current]); err != nil {
		return err
	}
	return f.commands(ctx, f.started)
}

// takeover makes the other one the owner, and sends a command to each stream. The former owner
// closes and opens again, so that it follows and has never decided.
func (f *firstCommands) takeover(ctx context.Context) (err error) {
	former := f.current
	f.current = 1 - former
	if err := f.tellers[f.current].store.Claim(ctx); err != nil {
		return err
	}
	if err := f.closeTeller(former); err != nil {
		return err
	}
	if err := f.commands(ctx, f.taken); err != nil {
		return err
	}
	f.tellers[former], err = f.branch.open(ctx, f.cfgs[former])
	return err
}

// commands sends a command to each stream, in any order. Then it counts what is stored.
func (f *firstCommands) commands(ctx context.Context, times []*timed) error {
	settle()
	type stream struct{ number, length int }
	var all []stream
	for i, l := range f.lengths {
		for k := range l.count {
			all = append(all, stream{number: l.first + k, length: i})
		}
	}
	f.src.dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, s := range all {
		took, err := f.tellers[f.current].creditTimed(ctx, f.src, s.number)
		if err != nil {
			return fmt.Errorf("%s: %w", times[s.length].name, err)
		}
		times[s.length].add(took)
	}
	if _, err := f.branch.stored(ctx); err != nil {
		return err
	}
	for i, l := range f.lengths {
		read := f.branch.commandsTo(l)
		times[i].stored, f.read[i] = times[i].stored+read-f.read[i], read
	}
	return nil
}

func (f *firstCommands) table(ctx context.Context) (Table, error) {
	const most = 1e-3
	t := Table{
		Title: fmt.Sprintf("the first CreditAccount to each of %d streams of a length, after another owner, "+
			"%d partitions", f.lengths[0].count, partitions),
		Columns: []Column{
			{"p50 before the append", Seconds},
			{"p99", Seconds},
			{"p50 of the whole", Seconds},
			{"p99", Seconds},
			{"commands", Number},
		},
		Notes: []string{
			"a start: the store is closed, and opened again with the same index; Open and Claim do not count",
			"either store can take its snapshots in the turn that does not count",
			"a takeover: another store, which has followed with its own index, claims; Claim does not count",
			"before the append, a command is dispatched, loaded, decided and encoded; " +
				"it is the first to its stream through a store that was just opened",
		},
	}
	for _, all := range [][]*timed{f.started, f.taken} {
		for _, c := range all {
			row := Row{
				Contender: c.name, Figures: [][]float64{c.beforeP50, c.beforeP99, c.p50, c.p99, c.commands},
				Claimed: c.sent,
			}
			if err := row.verify(ctx, func() (int64, error) { return c.stored, nil }); err != nil {
				return t, err
			}
			t.Rows = append(t.Rows, row)
			t.Goals = append(t.Goals, Goal{
				Text: "p50 before the append, " + c.name, Unit: Seconds, Found: c.beforeP50, Want: most, AtMost: true,
			})
		}
	}
	return t, nil
}
