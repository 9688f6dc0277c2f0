package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/event"
)

type eventsRequest struct {
	AccountID accountID `path:"accountId" example:"acme/alice" doc:"Percent-encoded where it has a slash: acme%2Falice."`
	After     int64     `query:"after" minimum:"0" default:"0" doc:"The version after which to begin: that of the last event of the page before."`
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many events a page has at most."`
}

type eventsAnswer struct{ Body eventsBody }

type eventsBody struct {
	Events  []eventBody `json:"events" nullable:"false" doc:"In the order of their versions."`
	HasMore bool        `json:"hasMore" doc:"Whether there are events after these."`
	Next    int64       `json:"next,omitempty" doc:"What to give as after for the next page. Absent: this is the last."`
}

type eventBody struct {
	ID            string         `json:"id"`
	Type          string         `json:"type" example:"AccountCredited"`
	Version       int64          `json:"version"`
	Timestamp     time.Time      `json:"timestamp"`
	CorrelationID string         `json:"correlationId"`
	CausationID   string         `json:"causationId"`
	CommandID     string         `json:"commandId" doc:"The Idempotency-Key of the request that made it."`
	Position      positionBody   `json:"position" doc:"Where it stands in the topic."`
	Data          map[string]any `json:"data" doc:"The event's own fields; amounts as decimal strings."`
}

type positionBody struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

func eventEndpoints(api huma.API, v *service) {
	huma.Register(api, operation(api, http.MethodGet, accountsPath+"/{accountId}/events", "listEvents", accountsTag,
		"What happened to an account",
		"The events of the account in the order of their versions, page by page.", http.StatusOK,
		account.ErrAccountNotFound), v.events)
}

func (v *service) events(ctx context.Context, r *eventsRequest) (*eventsAnswer, error) {
	id := string(r.AccountID)
	opening, err := v.opening(ctx, id)
	if err != nil {
		return nil, v.problemOf(ctx, err)
	}
	page := eventsBody{Events: []eventBody{}}
	if r.After == math.MaxInt64 { // no version comes after it
		return &eventsAnswer{Body: page}, nil
	}
	for e, err := range v.accounts.Repository.History(ctx, id, r.After+1) {
		if err != nil {
			return nil, v.problemOf(ctx, err)
		}
		if page.HasMore = len(page.Events) >= r.Limit; page.HasMore {
			page.Next = page.Events[len(page.Events)-1].Version
			break
		}
		for _, one := range e.Events { // they share a version, so a page ends after all of them
			page.Events = append(page.Events,
				eventOf(event.Envelope[any]{Header: e.Header, Position: e.Position, Event: one}, opening))
		}
	}
	return &eventsAnswer{Body: page}, nil
}

// opening returns the account's first event, which has the currency and the digits of amounts. It
// reads only that event, however long the account's history is.
func (v *service) opening(ctx context.Context, accountID string) (*account.AccountCreated, error) {
	for e, err := range v.accounts.Repository.History(ctx, accountID, 1) {
		if err != nil {
			return nil, err
		}
		return openingOf(e)
	}
	return nil, &account.NotFoundError{AccountID: accountID}
}

// openingOf returns an account's first event. It fails if that is not AccountCreated.
func openingOf(first event.Stored[aggregate.Event[account.Account]]) (*account.AccountCreated, error) {
	created, ok := first.Events[0].(account.AccountCreated)
	if !ok {
		return nil, fmt.Errorf("the first event of account %q, %s, is %s, expected AccountCreated",
			first.AggregateID, first.ID, first.Type)
	}
	return &created, nil
}

func eventOf(e event.Envelope[any], opening *account.AccountCreated) eventBody {
	return eventBody{
		ID: e.ID, Type: e.Type, Version: e.AggregateVersion, Timestamp: e.Timestamp,
		CorrelationID: e.CorrelationID, CausationID: e.CausationID, CommandID: e.CommandID,
		Position: positionBody{Partition: e.Position.Partition, Offset: e.Position.Offset},
		Data:     eventData(e, opening),
	}
}

// eventData returns the event's own fields. An event of a type that this service does not know has
// none. Currency and exponent are those of the account. Events with an amount have the same two,
// except those of the first revision.
func eventData(e event.Envelope[any], opening *account.AccountCreated) map[string]any {
	exponent := int(opening.Exponent)
	data := map[string]any{"currency": opening.Currency, "exponent": opening.Exponent}
	if c, ok := e.Event.(account.AccountCreated); ok {
		maps.Copy(data, map[string]any{
			"ownerId": c.OwnerID, "ownerType": c.OwnerType, "accountType": c.AccountType,
			"minBalance": decimal(c.MinBalance, exponent), "maxBalance": decimal(c.MaxBalance, exponent),
		})
		return data
	}
	if p, ok := postingOf(e); ok {
		maps.Copy(data, map[string]any{
			"transactionId": p.transactionID, "entryType": p.entryType, "amount": money.Format(p.amount, exponent),
			"contra":       p.contra,
			"balanceAfter": money.Format(p.balanceAfter, exponent), "effectiveAt": p.effectiveAt,
		})
		return data
	}
	return map[string]any{}
}
