package measure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// databaseTeller takes the same commands as a teller. The database does the work, in a function.
type databaseTeller struct {
	accounts *postgres.Accounts
	n        int
	likes    []eventstore.Record // what is stored besides
	posted   atomic.Int64        // sum of the acknowledged amounts
}

// newDatabaseTeller opens n accounts.
func (r *run) newDatabaseTeller(
	ctx context.Context, name string, n, connections int, likes []eventstore.Record,
) (*databaseTeller, error) {
	passed := stopwatch()
	a, err := postgres.NewAccounts(ctx, r.pg, tableName(name), connections, n, accountID, accountTerms())
	r.say("fill PostgreSQL for %s: done after %.0f s", name, passed().Seconds())
	return &databaseTeller{accounts: a, n: n, likes: likes}, err
}

func (t *databaseTeller) close(ctx context.Context) error {
	return t.accounts.Close(context.WithoutCancel(ctx))
}

// like returns a record of which the database stores value and headers.
func (t *databaseTeller) like(src *source) *eventstore.Record {
	return &t.likes[src.dice.IntN(len(t.likes))]
}

// creditAny credits any account from a number on.
func (t *databaseTeller) creditAny(ctx context.Context, src *source, from int) error {
	p := src.posting(from + src.dice.IntN(t.n-from))
	did, err := t.accounts.Post(ctx, p.row(src, 1, t.like(src)))
	if err == nil && (did.Repeated || did.Version < 2) {
		err = fmt.Errorf("a new credit made version %d, repeated: %t", did.Version, did.Repeated)
	}
	if err == nil {
		t.posted.Add(p.amount)
	}
	return err
}

// refusedDebit debits an account that holds nothing.
func (t *databaseTeller) refusedDebit(ctx context.Context, src *source, number int) error {
	did, err := t.accounts.Post(ctx, src.posting(number).row(src, -1, t.like(src)))
	switch {
	case errors.Is(err, postgres.ErrInsufficient):
		return nil
	case err == nil:
		return fmt.Errorf("a debit of an empty account made version %d", did.Version)
	}
	return err
}

// stored returns how many commands the database has. It fails if the amounts are not those that
// were acknowledged.
func (t *databaseTeller) stored(ctx context.Context) (int64, error) {
	entries, sum, err := t.accounts.Audit(ctx)
	if posted := t.posted.Load(); err == nil && sum != posted {
		err = fmt.Errorf("the balances sum to %d, and the acknowledged amounts to %d", sum, posted)
	}
	return entries, err
}
