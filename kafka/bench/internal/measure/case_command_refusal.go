package measure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fencelog/fencelog/kafka"
)

// commandRefusal is the case of a debit that is refused, when nobody else does anything, and beside
// callers who credit other accounts.
func (r *run) commandRefusal(ctx context.Context) (t Table, err error) {
	c, err := r.newRefusedCommands(ctx)
	defer func() { err = errors.Join(err, c.close()) }()
	if err != nil {
		return t, err
	}
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for _, together := range c.turns() {
			settle()
			err := r.profiled("command-refusal", round, func() error { return askTogether(ctx, r.size.turn, together) })
			if err != nil {
				return t, err
			}
			for _, a := range together {
				r.say("command-refusal: round %d: %-50s %s", round, a.name, a.count(round > 0))
			}
		}
	}
	store, database := c.store, c.database
	t = Table{
		Title: fmt.Sprintf("one caller sends a DebitAccount that is refused, %d partitions, %s accounts", partitions,
			thousands(fewAccounts)),
		Columns: []Column{
			{"p50", Seconds}, {"p99", Seconds}, {"answers/s", Rate}, {"barriers per answer", Number},
		},
		Goals: []Goal{
			{Text: "idle p50", Unit: Seconds, Found: store.idle.p50, Want: 0.010, AtMost: true},
			{
				Text: "busy p50 against a credit's there", Found: ratios(store.busy.p50, store.credits.p50), Want: 2,
				AtMost: true,
			},
		},
		Ratios: []Ratio{
			{Text: "idle p50 against PostgreSQL's", Found: ratios(store.idle.p50, database.idle.p50)},
			{Text: "busy p50 against PostgreSQL's", Found: ratios(store.busy.p50, database.busy.p50)},
		},
		Notes: []string{
			"the account holds nothing; a caller sends the next command as soon as it is answered",
			"PostgreSQL's function changes nothing when it refuses; its callers share the connections",
		},
	}
	for _, together := range c.turns() {
		for _, a := range together {
			row := Row{Contender: a.name, Figures: [][]float64{a.p50, a.p99, a.rate, a.barriers}}
			for _, of := range []*refusedBy{store, database} {
				if a == of.credits {
					row.Claimed = a.answered
					if err := row.verify(ctx, func() (int64, error) { return of.stored(ctx) }); err != nil {
						return t, err
					}
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t, nil
}

// refusedBy is what is asked of one contender.
type refusedBy struct {
	idle, busy, credits *asking
	stored              func(context.Context) (int64, error) // counts the credits
	close               func() error
}

// refusedCommands is what the case asks.
type refusedCommands struct{ store, database *refusedBy }

// turns returns who asks, turn by turn. Those in one turn ask at the same time.
func (c *refusedCommands) turns() [][]*asking {
	return [][]*asking{
		{c.store.idle}, {c.database.idle}, {c.store.busy, c.store.credits}, {c.database.busy, c.database.credits},
	}
}

// newRefusedCommands opens the contenders. After an error, the caller must still close them.
func (r *run) newRefusedCommands(ctx context.Context) (c *refusedCommands, err error) {
	const name = "command-refusal"
	c = &refusedCommands{}
	b, err := r.branch(ctx, name, fewAccounts, onlyCreated)
	if err != nil {
		return c, err
	}
	cfg, barriers := b.cfg, &atomic.Int64{}
	cfg.Hooks.Barred = func(kafka.Barrier) { barriers.Add(1) }
	t, err := b.openOwner(ctx, cfg)
	if err != nil {
		return c, err
	}
	sources := r.newSources(r.size.callers + 1)
	c.store = newRefusedBy(nameStore, sources, t)
	c.store.stored, c.store.close = b.since(), t.store.Close
	c.store.idle.bars, c.store.busy.bars = barriers, barriers
	likes, err := b.audit.mint.likes(ctx, r.source(), fewAccounts)
	if err != nil {
		return c, err
	}
	d, err := r.newDatabaseTeller(ctx, "bench-"+name, fewAccounts, poolSize, likes)
	if err != nil {
		return c, err
	}
	c.database = newRefusedBy(namePostgres, sources, d)
	c.database.stored, c.database.close = d.stored, func() error { return d.close(ctx) }
	return c, nil
}

func (c *refusedCommands) close() error {
	var errs []error
	for _, of := range []*refusedBy{c.store, c.database} {
		if of != nil {
			errs = append(errs, of.close())
		}
	}
	return errors.Join(errs...)
}

// refuser takes commands: a teller of either kind.
type refuser interface {
	refusedDebit(ctx context.Context, src *source, number int) error
	creditAny(ctx context.Context, src *source, from int) error
}

// newRefusedBy lets the first source debit account 0, and the others credit all other accounts.
func newRefusedBy(name string, sources []*source, by refuser) *refusedBy {
	debit := []func(context.Context) error{func(ctx context.Context) error {
		return by.refusedDebit(ctx, sources[0], 0)
	}}
	of := &refusedBy{
		idle: &asking{name: "idle: " + name, callers: debit},
		busy: &asking{
			name: fmt.Sprintf("busy: %s, beside %s callers", name, thousands(int64(len(sources)-1))), callers: debit,
		},
		credits: &asking{name: "busy: " + name + ", a credit of theirs"},
	}
	for _, src := range sources[1:] {
		of.credits.callers = append(of.credits.callers, func(ctx context.Context) error {
			return by.creditAny(ctx, src, 1)
		})
	}
	return of
}
