package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
)

// Config has the parts that accounts are wired to. Store, Codec, Commands and Queries are required.
// Any other field may be left zero.
type Config struct {
	// Store keeps the events.
	Store eventstore.Store

	// Codec encodes the events. It needs [Schemas] for the category of [Accounts].
	Codec aggregate.Codec

	// Commands gets the handlers of CreateAccount, CreditAccount and DebitAccount.
	Commands *command.Bus

	// Queries gets the handlers of GetAccount and GetBalance.
	Queries *query.Bus

	// Events gets every event after it is stored, and gets the handler [LogCreated]. Its types must
	// include those of [Accounts]. Default: none.
	Events *event.Bus

	// Cache, Snapshots and Hooks are those of the repository: see [aggregate.Config]. Default: the
	// defaults there.
	Cache     aggregate.Cache
	Snapshots aggregate.Snapshots
	Hooks     aggregate.Hooks

	// Logger gets the lines of LogCreated and of the repository. Default: slog.Default().
	Logger *slog.Logger

	// Now gives the events their time. Default: the system's clock, UTC.
	Now func() time.Time

	// NewID gives the events their ids. Default: UUIDs of version 7.
	NewID func() string
}

// Service holds the parts of accounts that the buses do not give.
type Service struct {
	Repository *aggregate.Repository[Account]
	View       *View
}

// Register makes the buses handle the commands, queries and events of accounts. It reports all
// mistakes at once. After an error the buses may have some of the handlers, and are of no use.
//
// A command with an id that breaks the rules of package ids is refused with [ids.ErrInvalid]. A
// query with an id that no account can have finds no account.
func Register(ctx context.Context, cfg Config) (*Service, error) {
	var mistakes []error
	if cfg.Commands == nil {
		mistakes = append(mistakes, errors.New("no command bus given; set Commands"))
	}
	if cfg.Queries == nil {
		mistakes = append(mistakes, errors.New("no query bus given; set Queries"))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	accounts, err := aggregate.NewRepository(ctx, Accounts, cfg.Store, cfg.Codec, aggregate.Config{
		Bus: cfg.Events, Cache: cfg.Cache, Snapshots: cfg.Snapshots, Hooks: cfg.Hooks, Logger: cfg.Logger,
		Now: cfg.Now, NewID: cfg.NewID,
	})
	if err := errors.Join(append(mistakes, err)...); err != nil {
		return nil, fmt.Errorf("register accounts: %w", err)
	}
	s := &Service{Repository: accounts, View: NewView(accounts)}
	if err := errors.Join(s.commands(cfg.Commands), s.queries(cfg.Queries), subscribe(cfg)); err != nil {
		return nil, fmt.Errorf("register accounts: %w", err)
	}
	return s, nil
}

func (s *Service) commands(bus *command.Bus) error {
	return errors.Join(
		command.Register(bus, func(ctx context.Context, c CreateAccount) (eventstore.Outcome, error) {
			if err := c.checkIDs(); err != nil { // before the store is asked, which has other rules
				return eventstore.Outcome{}, err
			}
			return s.Repository.Update(ctx, c.AccountID, c.Decide)
		}),
		command.Register(bus, func(ctx context.Context, c CreditAccount) (eventstore.Outcome, error) {
			if err := movement(c).checkIDs(); err != nil {
				return eventstore.Outcome{}, err
			}
			c.EffectiveAt = orDispatched(ctx, c.EffectiveAt)
			return s.Repository.Update(ctx, c.AccountID, c.Decide)
		}),
		command.Register(bus, func(ctx context.Context, c DebitAccount) (eventstore.Outcome, error) {
			if err := movement(c).checkIDs(); err != nil {
				return eventstore.Outcome{}, err
			}
			c.EffectiveAt = orDispatched(ctx, c.EffectiveAt)
			return s.Repository.Update(ctx, c.AccountID, c.Decide)
		}),
	)
}

func (s *Service) queries(bus *query.Bus) error {
	return errors.Join(
		query.Register(bus, func(ctx context.Context, q GetAccount) (Details, error) {
			return s.View.Account(ctx, q.AccountID)
		}),
		query.Register(bus, func(ctx context.Context, q GetBalance) (Balance, error) {
			return s.View.Balance(ctx, q.AccountID)
		}),
	)
}

func subscribe(cfg Config) error {
	if cfg.Events == nil {
		return nil
	}
	return event.Subscribe(cfg.Events, LogCreated(cfg.Logger))
}

// LogCreated returns the event handler that logs each new account, with its owner, type and
// currency.
func LogCreated(logger *slog.Logger) func(context.Context, event.Envelope[AccountCreated]) error {
	return func(ctx context.Context, e event.Envelope[AccountCreated]) error {
		logger.LogAttrs(ctx, slog.LevelInfo, "account created",
			slog.String("accountId", e.AggregateID),
			slog.String("ownerId", e.Event.OwnerID),
			slog.String("ownerType", string(e.Event.OwnerType)),
			slog.String("accountType", string(e.Event.AccountType)),
			slog.String("currency", string(e.Event.Currency)),
			slog.String("correlationId", e.CorrelationID))
		return nil
	}
}

// orDispatched returns t, or if t is not given, the time when the command was dispatched.
func orDispatched(ctx context.Context, t time.Time) time.Time {
	if t.IsZero() {
		md, _ := command.MetadataFrom(ctx)
		return md.Timestamp
	}
	return t
}
