package measure

import (
	"context"
	"errors"
	"fmt"
)

// commandOfOne is the case of one caller who sends one command after the other. The contenders take
// turns command by command.
func (r *run) commandOfOne(ctx context.Context) (t Table, err error) {
	const name = "command-single"
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	src := r.source()
	m, err := newMint(ctx, r.schemas)
	if err != nil {
		return t, err
	}
	likes, err := m.likes(ctx, src, r.size.many)
	if err != nil {
		return t, err
	}
	topic, err := r.link.topic(ctx, "bench-"+name+"-bare", partitions)
	if err != nil {
		return t, err
	}
	bare, err := newLimit(ctx, r.link, topic, false)
	if err != nil {
		return t, err
	}
	closers = append(closers, bare.close)
	bare.prepare(1, inTurn(likes))
	all := []*single{{name: nameBare + " of the same batch", every: 1, do: bare.one}}
	counts := []func(context.Context) (int64, error){
		func(context.Context) (int64, error) { return r.link.stored(topic, 0) },
	}

	var goals []string
	for _, c := range []struct {
		branch   string
		accounts int
	}{{name, fewAccounts}, {manyAccounts, r.size.many}} {
		b, err := r.branch(ctx, c.branch, c.accounts, onlyCreated)
		if err != nil {
			return t, err
		}
		teller, err := b.openOwner(ctx, b.cfg)
		if err != nil {
			return t, err
		}
		closers = append(closers, teller.store.Close)
		database, err := r.newDatabaseTeller(ctx, fmt.Sprintf("%s-%d", name, c.accounts), c.accounts, 1, likes)
		if err != nil {
			return t, err
		}
		closers = append(closers, func() error { return database.close(ctx) })
		of := fmt.Sprintf(", %s accounts", thousands(int64(c.accounts)))
		by := func(creditAny func(context.Context, *source, int) error) func(context.Context, int) error {
			return func(ctx context.Context, _ int) error { return creditAny(ctx, src, 0) }
		}
		all = append(all, &single{name: nameStore + of, every: 1, do: by(teller.creditAny)},
			&single{name: namePostgres + of, every: 1, do: by(database.creditAny)})
		counts = append(counts, b.since(), database.stored)
		goals = append(goals, of)
	}
	if t, err = r.takeTurns(ctx, name, all); err != nil {
		return t, err
	}
	for i, count := range counts {
		row := &t.Rows[i]
		row.Claimed = int64((r.cfg.Rounds + 1) * r.size.single)
		if err := row.verify(ctx, func() (int64, error) { return count(ctx) }); err != nil {
			return t, fmt.Errorf("%s: %w", row.Contender, err)
		}
	}
	t.Title = fmt.Sprintf("one caller sends one CreditAccount at a time to any account, %d partitions", partitions)
	const most = 1.3
	for i, of := range goals {
		store, database := all[1+2*i], all[2+2*i]
		t.Goals = append(t.Goals, Goal{
			Text: "p50 against a bare produce's" + of, Found: ratios(store.p50, all[0].p50), Want: most, AtMost: true,
		})
		t.Ratios = append(t.Ratios,
			Ratio{Text: "p99 against a bare produce's" + of, Found: ratios(store.p99, all[0].p99)},
			Ratio{Text: "p50 against PostgreSQL's" + of, Found: ratios(store.p50, database.p50)})
	}
	t.Notes = append(t.Notes, commandNotes()...)
	return t, nil
}
