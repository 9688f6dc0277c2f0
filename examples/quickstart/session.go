package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/ids"
	"github.com/fencelog/fencelog/billing/refusal"
	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/query"
	"github.com/fencelog/fencelog/schema"
)

// session runs commands and shows their outcome.
type session struct {
	out      *printer
	commands *command.Bus
	queries  *query.Bus
	accounts *account.Service
	count    tally
}

// tally counts lines by their outcome.
type tally struct{ accepted, repeated, refused, malformed int }

// start wires the accounts to the backend. A program needs no more than this.
func start(ctx context.Context, b *backend, stdout io.Writer, logger *slog.Logger) (*session, error) {
	types, err := event.NewTypes(billing.Events()...)
	if err != nil {
		return nil, err
	}
	events := event.NewBus(types, event.BusConfig{Logger: logger})
	s := &session{
		out:      &printer{w: stdout},
		commands: command.NewBus(command.Config{Logger: logger}),
		queries:  query.NewBus(query.Config{Logger: logger}),
	}
	s.accounts, err = account.Register(ctx, account.Config{
		Store: b.store, Codec: b.codec, Commands: s.commands, Queries: s.queries, Events: events, Logger: logger,
	})
	if errors.Is(err, schema.ErrNotFound) {
		err = fmt.Errorf(
			"%w\nto register the schemas: go run ./examples/infrastructure/billing-tool schemas register", err)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// run runs the commands of the input one after the other, and reports whether every line was
// understood. It ends early if something fails that is no refusal.
func (s *session) run(ctx context.Context, b *backend, in *input) (bool, error) {
	before, err := s.accounts.View.Balances(ctx)
	if err != nil {
		return false, err
	}
	s.out.opening(b.name, in.name, before)
	for l, err := range lines(ctx, in) {
		if err == nil {
			err = s.line(ctx, l)
		}
		if err != nil {
			return false, err
		}
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	after, err := s.accounts.View.Balances(ctx)
	if err != nil {
		return false, err
	}
	s.out.closing(s.count, after)
	return s.count.malformed == 0, s.out.err
}

// line runs one line. It fails if anything but the line is to blame.
func (s *session) line(ctx context.Context, l line) error {
	var r request
	err := l.err
	if err == nil {
		r, err = parse(l.text)
	}
	if err != nil {
		s.count.malformed++
		s.out.malformed(l.number, err)
		return s.out.err
	}
	s.out.command(l.number, r)
	var reused *eventstore.CommandReusedError
	switch done, err := s.dispatch(ctx, r); {
	case errors.As(err, &reused):
		s.count.refused++
		s.out.reused(reused)
	case refused(err):
		s.count.refused++
		s.out.refused(err)
	case err != nil:
		return fmt.Errorf("line %d: %w", l.number, err)
	case done.Repeated:
		s.count.repeated++
		first := done.Events[0]
		s.out.note("command %s was applied before, as %s v%d", done.CommandID, first.Type, first.AggregateVersion)
	default:
		s.count.accepted++
		return s.events(ctx, r.accountID, done.Events)
	}
	return s.out.err
}

// refused reports whether the command broke a rule of the business, or a rule of the event store
// for ids and the like.
func refused(err error) bool {
	_, ok := refusal.Of(err)
	return ok || errors.Is(err, eventstore.ErrInvalid)
}

// events shows events as the account counts.
func (s *session) events(ctx context.Context, accountID string, events []event.Stored[any]) error {
	details, err := query.Ask(ctx, s.queries, account.GetAccount{AccountID: accountID})
	if err != nil {
		return err
	}
	for _, stored := range events {
		for _, e := range stored.Events {
			s.out.event(event.Envelope[any]{Header: stored.Header, Position: stored.Position, Event: e}, details)
		}
	}
	return s.out.err
}

// dispatch sends the command, if its id is one.
func (s *session) dispatch(ctx context.Context, r request) (eventstore.Outcome, error) {
	if r.commandID != "" {
		if err := ids.CheckName("commandId", r.commandID); err != nil {
			return eventstore.Outcome{}, err
		}
	}
	return s.commands.Dispatch(ctx, r.command, r.options...)
}
