package measure

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/eventstore"
)

// commandOfOne is the case of one caller who sends one command after the other. The contenders take
// turns command by command.
func (r *run) commandOfOne(ctx context.Context) (t Table, err error) {
	const name = "command-single"
	c := &lonely{run: r, name: name, src: r.source()}
	defer func() {
		for _, done := range c.closers {
			err = errors.Join(err, done())
		}
	}()
	if err := c.addBare(ctx); err != nil {
		return t, err
	}
	sizes := []int{fewAccounts, r.size.many}
	if err := c.add(ctx, name, sizes[0]); err != nil {
		return t, err
	}
	if err := c.add(ctx, manyAccounts, sizes[1]); err != nil {
		return t, err
	}
	if t, err = r.takeTurns(ctx, name, c.all); err != nil {
		return t, err
	}
	for i, count := range c.counts {
		row := &t.Rows[i]
		row.Claimed = int64((r.cfg.Rounds + 1) * r.size.single)
		if err := row.verify(ctx, func() (int64, error) { return count(ctx) }); err != nil {
			return t, fmt.Errorf("%s: %w", row.Contender, err)
		}
	}
	t.Title = fmt.Sprintf("one caller sends one CreditAccount at a time to any account, %d partitions", partitions)
	const most = 1.3
	bare := c.all[0]
	for i, accounts := range sizes {
		store, database, of := c.all[1+2*i], c.all[2+2*i], ofAccounts(accounts)
		t.Goals = append(t.Goals, Goal{
			Text: "p50 against a bare produce's" + of, Found: ratios(store.p50, bare.p50), Want: most, AtMost: true,
		})
		t.Ratios = append(t.Ratios,
			Ratio{Text: "p99 against a bare produce's" + of, Found: ratios(store.p99, bare.p99)},
			Ratio{Text: "p50 against PostgreSQL's" + of, Found: ratios(store.p50, database.p50)})
	}
	t.Notes = append(t.Notes, commandNotes()...)
	return t, nil
}

// lonely is the contenders for one caller.
type lonely struct {
	run     *run
	name    string
	src     *source
	likes   []eventstore.Record
	all     []*single
	counts  []func(context.Context) (int64, error) // of the commands that each has stored
	closers []func() error
}

// ofAccounts is the part of a name that says how many accounts there are.
func ofAccounts(n int) string { return fmt.Sprintf(", %s accounts", thousands(int64(n))) }

// addBare adds a bare produce of the records of commands.
func (c *lonely) addBare(ctx context.Context) error {
	m, err := newMint(ctx, c.run.schemas)
	if err != nil {
		return err
	}
	if c.likes, err = m.likes(ctx, c.src, c.run.size.many); err != nil {
		return err
	}
	topic, err := c.run.link.topic(ctx, "bench-"+c.name+"-bare", partitions)
	if err != nil {
		return err
	}
	bare, err := newLimit(ctx, c.run.link, topic, false)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, bare.close)
	bare.prepare(1, inTurn(c.likes))
	c.all = append(c.all, &single{name: nameBare + " of the same batch", every: 1, do: bare.one})
	c.counts = append(c.counts, func(context.Context) (int64, error) { return c.run.link.stored(topic, 0) })
	return nil
}

// add adds the store and the database, with so many accounts.
func (c *lonely) add(ctx context.Context, branch string, accounts int) error {
	b, err := c.run.branch(ctx, branch, accounts, onlyCreated)
	if err != nil {
		return err
	}
	t, err := b.openOwner(ctx, b.cfg)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, t.store.Close)
	d, err := c.run.newDatabaseTeller(ctx, fmt.Sprintf("%s-%d", c.name, accounts), accounts, 1, c.likes)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, func() error { return d.close(ctx) })
	by := func(credit creditAny) func(context.Context, int) error {
		return func(ctx context.Context, _ int) error { return credit(ctx, c.src, 0) }
	}
	c.all = append(c.all,
		&single{name: nameStore + ofAccounts(accounts), every: 1, do: by(t.creditAny)},
		&single{name: namePostgres + ofAccounts(accounts), every: 1, do: by(d.creditAny)})
	c.counts = append(c.counts, b.since(), d.stored)
	return nil
}
