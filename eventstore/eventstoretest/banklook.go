package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/fencelog/fencelog/eventstore"
)

// balance returns what is in an account with the records.
func balance(records []eventstore.Record) int {
	sum := 0
	for _, r := range records {
		sum += amount(r)
	}
	return sum
}

// amount returns how much the record adds to an account: 0 if it is of another stream.
func amount(r eventstore.Record) int {
	n, err := strconv.Atoi(string(r.Value))
	if err != nil {
		return 0
	}
	return n
}

// look reads all accounts together. It returns what is in each, and their expectations. It fails if
// the sum is wrong.
func (b *bank) look(ctx context.Context) (each []int, at []eventstore.Expectation, err error) {
	var records [][]eventstore.Record
	for {
		records, at, err = b.s.readTogether(ctx, nil, b.accounts...)
		if !errors.Is(err, eventstore.ErrConflict) {
			break
		}
	}
	sum := 0
	for _, r := range records {
		each = append(each, balance(r))
		sum += each[len(each)-1]
	}
	if err == nil && sum != bankAccounts*bankDeposit {
		err = fmt.Errorf("accounts that were read together have %v, expected %d in all", each,
			bankAccounts*bankDeposit)
	}
	return each, at, err
}

// balances is look, until a check says that it was so.
func (b *bank) balances(ctx context.Context) ([]int, error) {
	for {
		each, at, err := b.look(ctx)
		if err == nil {
			_, err = b.s.store.Append(ctx, checkOf(at...))
		}
		if !errors.Is(err, eventstore.ErrConflict) {
			return each, err
		}
	}
}

// audit looks at all accounts, in one of several ways.
func (b *bank) audit(ctx context.Context, way int) error {
	switch way % 4 {
	case 0:
		if _, err := b.replayed(b.s.store.ReadCategory(ctx, b.category, b.start)); err != nil {
			return fmt.Errorf("read a bank by commits: %w", err)
		}
		return nil
	case 1:
		_, err := b.balances(ctx)
		return err
	}
	_, _, err := b.look(ctx)
	return err
}

// follow follows the category by commits, up to the last commit of the bank.
func (b *bank) follow(ctx context.Context) error {
	closed, err := b.replayed(b.s.store.Follow(ctx, b.category, b.start))
	if err == nil && !closed {
		err = errors.New("it ended by itself")
	}
	if err != nil {
		return fmt.Errorf("follow a bank by commits: %w", err)
	}
	return nil
}

// replayed goes through the commits of the bank, up to the last one if that is there. It fails
//   - if the sum of all accounts is wrong at the end of a commit;
//   - if a commit does not stand where it may.
func (b *bank) replayed(records read) (closed bool, err error) {
	p := newReplay(b.ledger)
	balances := make(map[string]int)
	for commit, err := range eventstore.ByCommit(records) {
		if err != nil {
			return false, err
		}
		if eventstore.BeforeSlash.Of(commit[0].AggregateID) != b.key {
			continue
		}
		frozen := p.versions[b.frozen.ID]%2 == 1
		if err := p.next(commit); err != nil {
			return false, err
		}
		sum := 0
		for _, r := range commit {
			balances[r.AggregateID] += amount(r)
			if frozen && r.AggregateID != b.frozen.ID {
				return false, fmt.Errorf("the transfer at %s stands behind a freeze", r.Position)
			}
		}
		for id, n := range balances {
			if sum += n; n < 0 {
				return false, fmt.Errorf("account %s has %d at %s", id, n, commit[0].Position)
			}
		}
		if sum != bankAccounts*bankDeposit {
			return false, fmt.Errorf("after the commit at %s, all accounts have %d, expected %d",
				commit[0].Position, sum, bankAccounts*bankDeposit)
		}
		if string(commit[0].Value) == bankClosed {
			return true, nil
		}
	}
	return false, nil
}
