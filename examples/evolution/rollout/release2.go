//go:build release2

package main

import "github.com/fencelog/fencelog/aggregate"

const folder = "schemas/release2"

// PaymentReceived is money that came in, with the payer's note.
type PaymentReceived struct {
	Cents int64   `avro:"cents"`
	Note  *string `avro:"note"`
}

// EventType returns the durable name.
func (PaymentReceived) EventType() string { return "PaymentReceived" }

// Apply adds the money.
func (e PaymentReceived) Apply(t *Till) { t.Cents += e.Cents }

// PaymentRefunded is money that was given back.
type PaymentRefunded struct {
	Cents int64 `avro:"cents"`
}

// EventType returns the durable name.
func (PaymentRefunded) EventType() string { return "PaymentRefunded" }

// Apply takes the money.
func (e PaymentRefunded) Apply(t *Till) { t.Cents -= e.Cents }

func types() *aggregate.Type[Till] {
	return aggregate.NewType[Till](tillType, PaymentReceived{}, PaymentRefunded{})
}

// orders are the orders that the input may give.
func orders() map[string]func() aggregate.Event[Till] {
	note := "keep the change"
	return map[string]func() aggregate.Event[Till]{
		"pay":    func() aggregate.Event[Till] { return PaymentReceived{Cents: 500, Note: &note} },
		"refund": func() aggregate.Event[Till] { return PaymentRefunded{Cents: 200} },
	}
}
