package measure

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// manyAccounts is the name of a case, and of its branch, which another case uses, too.
const manyAccounts = "command-many"

// fewAccounts is how many accounts there are where they are few.
const fewAccounts = 1_000

// onlyCreated is the number of events of an account to which nothing was posted.
func onlyCreated(int) int { return 1 }

// commands is the case of a thousand callers who credit few accounts by commands.
func (r *run) commands(ctx context.Context) (Table, error) {
	return r.command(ctx, "command", fewAccounts)
}

// commandsMany is the case of a thousand callers who credit many accounts by commands.
func (r *run) commandsMany(ctx context.Context) (Table, error) {
	return r.command(ctx, manyAccounts, r.size.many)
}

// command measures the store, the limit and PostgreSQL with so many accounts.
func (r *run) command(ctx context.Context, name string, accounts int) (t Table, err error) {
	all, err := r.commanders(ctx, name, accounts)
	defer func() {
		for _, a := range all {
			err = errors.Join(err, a.close())
		}
	}()
	if err != nil {
		return t, err
	}
	rows := make([]Row, len(all))
	var perBatch float64
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for i, a := range all {
			if a.ready != nil {
				a.ready(perBatch)
			}
			n, err := r.appendTurn(ctx, name, a, round)
			if err != nil {
				return t, fmt.Errorf("%s: %w", a.name, err)
			}
			if i == 0 {
				perBatch = n
			}
			rows[i] = Row{Contender: a.name, Figures: [][]float64{a.rates, a.batches, a.cpu}, Claimed: a.claimed}
			if err := rows[i].verify(ctx, func() (int64, error) { return a.stored(ctx, a.claimed) }); err != nil {
				return t, fmt.Errorf("%s: %w", a.name, err)
			}
		}
	}
	const want = 2.5
	store, limit, table := all[0].rates, all[1].rates, all[2].rates
	return Table{
		Title: fmt.Sprintf("%s callers send a CreditAccount each to any of %s accounts, %d partitions",
			thousands(int64(r.size.callers)), thousands(int64(accounts)), partitions),
		Columns: []Column{{"commands/s", Rate}, {"commands per batch", Number}, {"own CPU per command", Seconds}},
		Rows:    rows,
		Goals:   []Goal{{Text: "times PostgreSQL", Found: ratios(store, table), Want: want}},
		Ratios:  []Ratio{{Text: "of the limit at equal batch sizes", Found: ratios(store, limit)}},
		Notes: append(commandNotes(), fmt.Sprintf("PostgreSQL has %d connections", poolSize),
			"after each turn the topic and the tables are read: each has the acknowledged commands and no other, "+
				"and the balances add up"),
	}, nil
}

// commandNotes say what a command is.
func commandNotes() []string {
	return []string{
		"a command through this store goes through command bus, repository, Avro and store, with its transaction id " +
			"as its id, a digest, an actor and a correlation id; nobody listens to its event",
		"PostgreSQL's function checks status, currency and limits, answers a repeated transaction id with its first " +
			"result, changes the account and adds an entry with the balance, headers and a payload of the same size; " +
			"it takes one round trip; its payloads are made before",
	}
}

// creditAny credits any account from a number on.
type creditAny func(ctx context.Context, src *source, from int) error

// commanders opens the contenders: the store, the limit, which follows it, and the database. After
// an error, the caller must still close those that it returns.
func (r *run) commanders(ctx context.Context, name string, accounts int) (all []*appender, err error) {
	b, err := r.branch(ctx, name, accounts, onlyCreated)
	if err != nil {
		return nil, err
	}
	sources := r.newSources(r.size.callers)
	by := func(creditAny creditAny) func(context.Context, time.Duration) (int64, error) {
		return func(ctx context.Context, d time.Duration) (int64, error) {
			return callAll(ctx, sources, d, func(ctx context.Context, src *source, _ delivery) error {
				return creditAny(ctx, src, 0)
			})
		}
	}
	t, err := b.openOwner(ctx, b.cfg)
	if err != nil {
		return nil, err
	}
	stored := b.since()
	all = append(all, &appender{
		name: nameStore, profile: name, topic: b.topic, close: t.store.Close, turn: by(t.creditAny),
		stored: func(ctx context.Context, _ int64) (int64, error) { return stored(ctx) },
	})
	likes, err := b.audit.mint.likes(ctx, r.source(), accounts)
	if err != nil {
		return all, err
	}
	topic, err := r.link.topic(ctx, "bench-"+name+"-limit", partitions)
	if err != nil {
		return all, err
	}
	l, err := newLimit(ctx, r.link, topic, false)
	if err != nil {
		return all, err
	}
	commit := inTurn(likes)
	all = append(all, &appender{
		name: nameLimit, topic: topic, close: l.close, turn: l.turn,
		ready:  func(perBatch float64) { l.prepare(max(int(perBatch+0.5), 1), commit) },
		stored: func(context.Context, int64) (int64, error) { return r.link.stored(topic, 0) },
	})
	d, err := r.newDatabaseTeller(ctx, "bench-"+name, accounts, poolSize, likes)
	if err != nil {
		return all, err
	}
	return append(all, &appender{
		name: namePostgres, close: func() error { return d.close(ctx) }, turn: by(d.creditAny),
		stored: func(ctx context.Context, _ int64) (int64, error) { return d.stored(ctx) },
	}), nil
}
