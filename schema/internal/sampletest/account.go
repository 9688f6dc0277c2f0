package sampletest

import (
	"time"

	"github.com/fencelog/fencelog/event"
)

// OwnerType is stored as an enum.
type OwnerType string

// AccountType is stored as an enum.
type AccountType string

// AccountCreated is an event, whose schema is in schema/testdata/account.
type AccountCreated struct {
	OwnerID     string      `avro:"ownerId"`
	OwnerType   OwnerType   `avro:"ownerType"`
	AccountType AccountType `avro:"accountType"`
	Currency    string      `avro:"currency"`
	Exponent    int32       `avro:"exponent"`
	MaxBalance  *int64      `avro:"maxBalance"`
	MinBalance  *int64      `avro:"minBalance"`
}

// AccountCredited is an event, whose schema is in schema/testdata/account.
type AccountCredited struct {
	TransactionID string    `avro:"transactionId"`
	Amount        int64     `avro:"amount"`
	EffectiveAt   time.Time `avro:"effectiveAt"`
}

// The subjects of the schemas of these events.
const (
	CreatedSubject  = "fencelog.account.events-billing.account.AccountCreated"
	CreditedSubject = "fencelog.account.events-billing.account.AccountCredited"
)

// Created returns the event type of AccountCreated.
func Created() event.Type { return Type[AccountCreated]("AccountCreated") }

// Credited returns the event type of AccountCredited.
func Credited() event.Type { return Type[AccountCredited]("AccountCredited") }

// CreatedEvent returns an event of an account.
func CreatedEvent() AccountCreated {
	return AccountCreated{
		OwnerID: "user-1", OwnerType: "USER", AccountType: "USER", Currency: "USD", Exponent: 2,
		MinBalance: new(int64(-5000)),
	}
}
