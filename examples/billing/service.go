package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
)

// service is the billing domain on a backend. The endpoints are its methods, one file for each
// resource.
type service struct {
	commands *command.Bus
	queries  *query.Bus
	accounts *account.Service
	newID    func() string
	logger   *slog.Logger
}

// newService wires the domain, and returns once its read model holds all events.
func newService(ctx context.Context, b *backend, s settings, t *telemetry, logger *slog.Logger) (*service, error) {
	types, err := event.NewTypes(billing.Events()...)
	if err != nil {
		return nil, err
	}
	events := event.NewBus(types, event.BusConfig{Logger: logger})
	v := &service{
		commands: command.NewBus(command.Config{
			Logger:     logger,
			Middleware: []command.Middleware{t.tracing.Commands(), t.metrics.Commands()},
		}),
		queries: query.NewBus(query.Config{
			Logger:     logger,
			Middleware: []query.Middleware{t.tracing.Queries(), t.metrics.Queries()},
		}),
		newID:  s.newID,
		logger: logger,
	}
	v.accounts, err = account.Register(ctx, account.Config{
		Store: b.store, Codec: b.codec, Commands: v.commands, Queries: v.queries, Events: events,
		Hooks: t.metrics.Repository(account.Accounts.Name()), Logger: logger,
	})
	if errors.Is(err, schema.ErrNotFound) {
		err = fmt.Errorf("%w\nto register the schemas: go run ./examples/infrastructure/billing-tool schemas register",
			err)
	}
	if err != nil {
		return nil, err
	}
	if err := t.metrics.Cache(account.Accounts.Name(), v.accounts.Repository.Cached); err != nil {
		return nil, err
	}
	_, err = v.accounts.View.Balances(ctx)
	return v, err
}
