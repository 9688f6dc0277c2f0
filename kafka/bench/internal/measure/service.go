package measure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// service is the accounts of the billing domain behind a command bus. A command goes through all
// that a service has for it: bus, repository, Avro and store. Nobody listens to its events.
type service struct{ commands *command.Bus }

// newService wires the accounts to a store. Its codec registers the schemas that the registry does
// not have.
func newService(ctx context.Context, store eventstore.Store, schemas registry.Registry) (*service, error) {
	codec, err := accountCodec(schemas)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	s := &service{commands: command.NewBus(command.Config{Logger: quiet})}
	_, err = account.Register(ctx, account.Config{
		Store: store, Codec: codec, Commands: s.commands, Queries: query.NewBus(query.Config{Logger: quiet}),
		Logger: quiet,
	})
	return s, err
}

func accountCodec(schemas registry.Registry) (aggregate.Codec, error) {
	return registry.NewCodec(schemas, schema.Sources{account.Accounts.Name(): account.Schemas}, schema.Config{})
}

// dispatch dispatches a command with the metadata that a service has of a request. A command that
// posts something names its id itself.
func (s *service) dispatch(ctx context.Context, p posting, cmd any) (eventstore.Outcome, error) {
	return s.commands.Dispatch(ctx, cmd, command.WithCorrelationID(p.correlation), command.WithActor(actorOfCommands))
}

// credit dispatches a new CreditAccount for the account of that number. It returns the amount.
func (s *service) credit(ctx context.Context, src *source, number int) (amount int64, err error) {
	p := src.posting(number)
	outcome, err := s.dispatch(ctx, p, p.credit())
	if err == nil && (outcome.Repeated || len(outcome.Events) != 1 || outcome.Last() < 2) {
		err = fmt.Errorf("a new credit wrote %v, repeated: %t", outcome.Streams, outcome.Repeated)
	}
	return p.amount, err
}

// refusedDebit dispatches a new DebitAccount for an account that holds nothing.
func (s *service) refusedDebit(ctx context.Context, src *source, number int) error {
	p := src.posting(number)
	outcome, err := s.dispatch(ctx, p, p.debit())
	switch {
	case errors.Is(err, account.ErrInsufficientFunds):
		return nil
	case err == nil:
		return fmt.Errorf("a debit of an empty account wrote %v", outcome.Streams)
	}
	return err
}

// commandTimes says how long a command took.
type commandTimes struct {
	before time.Duration // from the dispatch to the append: load, decide, encode
	whole  time.Duration // from the dispatch to the answer
}

// appendedKey is the key of the moment at which the append of a command began.
type appendedKey struct{}

// noteAppend is a hook of a store. It notes when the append of a timed command began.
func noteAppend(ctx context.Context, a eventstore.Appended) {
	if at, ok := ctx.Value(appendedKey{}).(*time.Time); ok {
		*at = a.Start
	}
}

// timedCredit is credit with the times that it took. The store must have the hook noteAppend.
func (s *service) timedCredit(ctx context.Context, src *source, number int) (
	amount int64, took commandTimes, err error,
) {
	var appended time.Time
	ctx = context.WithValue(ctx, appendedKey{}, &appended)
	begun := clock.Reading()
	amount, err = s.credit(ctx, src, number)
	took = commandTimes{before: appended.Sub(begun), whole: time.Since(begun)}
	if err == nil && appended.IsZero() {
		err = errors.New("no append of the command was noted")
	}
	return amount, took, err
}
