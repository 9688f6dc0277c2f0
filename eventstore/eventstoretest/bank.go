package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

const (
	bankAccounts      = 4
	bankDeposit       = 100 // in each account at first
	bankMovers        = 6
	transfersPerMover = 8
	bankFreezes       = 9
)

// moneyNeverLost moves money between the accounts of one partition key. All of them are frozen now
// and then. Readers must never see a part of a transfer.
func moneyNeverLost(t test, s *suite) {
	ctx, stop := context.WithCancelCause(s.context(t))
	defer stop(nil)
	b := newBank(ctx, t, s)
	b.stop = stop
	var moving, followers sync.WaitGroup
	followers.Go(func() { b.note(b.follow(ctx)) })
	for n := range bankMovers {
		moving.Go(func() {
			for i := range transfersPerMover {
				b.note(b.audit(ctx, n+i))
				b.note(b.transfer(ctx, n, i))
				b.moved <- struct{}{}
			}
		})
	}
	moving.Go(func() { b.note(b.freezes(ctx)) })
	moving.Wait()
	b.note(b.append(ctx, func() (eventstore.Commit, error) {
		return eventstore.To(b.frozen, eventstore.Any, b.record(b.frozen, bankClosed)), nil
	}))
	followers.Wait()
	must(t, "a bank", context.Cause(ctx))
	if want := 1 + bankMovers*transfersPerMover + 2*bankFreezes + 1; len(b.wins) != want {
		fatal(t, "a bank has more or fewer commits than there should be", len(b.wins), want)
	}
	s.holdsCommits(ctx, t, "a bank", b.ledger, b.wins)
	_, err := b.balances(ctx)
	must(t, "a bank that is closed", err)
}

// bank is accounts of one partition key, and the stream that freezes them. They are frozen while
// its version is odd.
type bank struct {
	ledger
	s        *suite
	accounts []eventstore.Stream
	frozen   eventstore.Stream
	start    eventstore.Start // before the first commit
	at       time.Time        // of all records
	moved    chan struct{}    // has one for each transfer
	stop     context.CancelCauseFunc

	mu   sync.Mutex
	wins []wonCommit
}

// bankClosed is the value of the last record.
const bankClosed = "closed"

// newBank makes the deposits, in one commit.
func newBank(ctx context.Context, t test, s *suite) *bank {
	b := &bank{
		ledger: s.ledger(), s: s, at: s.tick(1), moved: make(chan struct{}, bankMovers*transfersPerMover),
	}
	b.start = eventstore.After(s.category(ctx, t, b.category).cursor)
	b.frozen = b.stream("frozen")
	var deposits []eventstore.Commit
	for i := range bankAccounts {
		account := b.stream(fmt.Sprint(i))
		b.accounts = append(b.accounts, account)
		deposits = append(deposits,
			eventstore.To(account, eventstore.NoStream, b.record(account, strconv.Itoa(bankDeposit))))
	}
	c := eventstore.Join(deposits...)
	result, _ := s.commit(ctx, t, c)
	b.wins = append(b.wins, wonCommit{c, result})
	return b
}

// record returns a record of a stream: for an account, how much is added to it.
func (b *bank) record(stream eventstore.Stream, value string) eventstore.Record {
	r := b.s.record(b.at, "")
	inStream(&r, stream)
	r.Value = []byte(value)
	return r
}

// note stops everybody for the first error.
func (b *bank) note(err error) {
	if err != nil {
		b.stop(err)
	}
}

// append appends until there is no conflict. The function decide makes the commit, each time anew.
func (b *bank) append(ctx context.Context, decide func() (eventstore.Commit, error)) error {
	for {
		c, err := decide()
		var result eventstore.Result
		if err == nil {
			result, err = b.s.store.Append(ctx, c)
		}
		switch {
		case errors.Is(err, eventstore.ErrConflict):
			continue
		case err != nil:
			return err
		case len(c.Records) == 0: // refused, and that is sure
			continue
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wins = append(b.wins, wonCommit{c, result})
		return nil
	}
}

// transfer moves money, once the accounts are not frozen. Movers read, and expect, in different
// ways. None writes to the stream that freezes the accounts, and all rest on it.
func (b *bank) transfer(ctx context.Context, mover, i int) error {
	accounts := []eventstore.Stream{
		b.accounts[(mover+i)%bankAccounts], b.accounts[(mover+i+1+i%(bankAccounts-1))%bankAccounts],
	}
	return b.append(ctx, func() (eventstore.Commit, error) {
		frozen, tips, err := b.isFrozen(ctx, mover%2 == 0)
		if err != nil {
			return eventstore.Commit{}, err
		}
		records, at, err := b.s.readTogether(ctx, tips, accounts...)
		if err != nil {
			return eventstore.Commit{}, err
		}
		if len(tips) == 0 {
			at = append(at, frozen)
		}
		if frozen.Version%2 == 1 {
			check := checkOf(at...)
			check.Unconfirmed = mover%3 == 2
			return check, nil
		}
		from, to, most := accounts[0], accounts[1], balance(records[0])
		if other := balance(records[1]); other > most {
			from, to, most = to, from, other
		}
		return b.moves(most*(mover+1)/(2*bankMovers), from, to, at, mover%3 == 1), nil
	})
}

// moves returns the commit that moves an amount. Its records are interleaved. A blind one expects
// nothing of the account that gets the money.
func (b *bank) moves(
	amount int, from, to eventstore.Stream, at []eventstore.Expectation, blind bool,
) eventstore.Commit {
	c := eventstore.Commit{Records: []eventstore.Record{
		b.record(from, strconv.Itoa(1-amount)), b.record(to, strconv.Itoa(amount)), b.record(from, "-1"),
	}}
	for _, e := range at {
		if e.Stream != to || !blind {
			c.Expect = append(c.Expect, e)
		}
	}
	restsOn(&c)
	return c
}

// isFrozen reads the stream that freezes the accounts, in one of two ways. The second way sees only
// what is stored, and has no tip.
func (b *bank) isFrozen(
	ctx context.Context, queued bool,
) (frozen eventstore.Expectation, tips []eventstore.Expectation, err error) {
	if queued {
		_, tips, err = b.s.readTogether(ctx, nil, b.frozen)
		if err == nil {
			frozen = tips[0]
		}
		return frozen, tips, err
	}
	records, err := collect(b.s.store.ReadStream(ctx, b.frozen, 1))
	return eventstore.Expectation{Stream: b.frozen, Version: eventstore.Expected(len(records))}, nil, err
}

// freezes freezes the accounts now and then, when there have been some transfers. No transfer may
// come before it lets them go.
func (b *bank) freezes(ctx context.Context) error {
	turn := func(version int) error {
		return b.append(ctx, func() (eventstore.Commit, error) {
			return eventstore.To(b.frozen, eventstore.Expected(version), b.record(b.frozen, "turned")), nil
		})
	}
	for i := range bankFreezes {
		for range bankAccounts {
			select {
			case <-b.moved:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := turn(2 * i); err != nil {
			return err
		}
		before, err := b.balances(ctx)
		if err != nil {
			return err
		}
		now, err := b.balances(ctx)
		if err != nil {
			return err
		}
		if !slices.Equal(before, now) {
			return fmt.Errorf("accounts that are frozen had %v, and then %v", before, now)
		}
		if err := turn(2*i + 1); err != nil {
			return err
		}
	}
	return nil
}
