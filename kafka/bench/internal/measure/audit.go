package measure

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// audit reads a topic of accounts, each record once, and adds up what it says. It knows no store.
type audit struct {
	link  *cluster
	topic string
	mint  *mint

	next     map[int32]int64
	accounts []standing // by number

	credits int64 // events that credit an account
	sum     int64 // of their amounts
}

// standing is where an account stands.
type standing struct{ version, posted int64 }

// readOn reads what was appended since it was called last. It fails unless
//   - the versions of each account have no gap and none comes twice;
//   - an account begins with its creation;
//   - the amounts of each account add up to the balance after each event.
func (a *audit) readOn(ctx context.Context) error {
	return a.link.read(a.topic, a.next, func(rec *sarama.Record) error {
		r, err := wire.Decode(rec)
		if err == nil {
			err = a.add(ctx, &r)
		}
		return err
	})
}

func (a *audit) add(ctx context.Context, r *eventstore.Record) error {
	number, err := accountNumber(r.AggregateID)
	if err != nil {
		return err
	}
	at := &a.accounts[number]
	if at.version++; r.AggregateVersion != at.version {
		return fmt.Errorf("%s has version %d, expected %d", r.Stream(), r.AggregateVersion, at.version)
	}
	created, credited := account.AccountCreated{}.EventType(), account.AccountCredited{}.EventType()
	if at.version == 1 && r.Type == created {
		return nil
	}
	if at.version == 1 || r.Type != credited {
		return fmt.Errorf("version %d of %s is of the type %s", at.version, r.Stream(), r.Type)
	}
	var e account.AccountCredited
	if err := a.mint.codec.Decode(ctx, a.mint.types[credited], r.Value, &e); err != nil {
		return err
	}
	at.posted += e.Amount
	if e.BalanceAfter != at.posted {
		return fmt.Errorf("version %d of %s has the balance %d, expected %d", at.version, r.Stream(), e.BalanceAfter,
			at.posted)
	}
	a.credits, a.sum = a.credits+1, a.sum+e.Amount
	return nil
}
