//go:build !release2

package main

import "github.com/fencelog/fencelog/aggregate"

const folder = "schemas/release1"

// PaymentReceived is money that came in.
type PaymentReceived struct {
	Cents int64 `avro:"cents"`
}

// EventType returns the durable name.
func (PaymentReceived) EventType() string { return "PaymentReceived" }

// Apply adds the money.
func (e PaymentReceived) Apply(t *Till) { t.Cents += e.Cents }

func types() *aggregate.Type[Till] { return aggregate.NewType[Till](tillType, PaymentReceived{}) }

// orders are the orders that the input may give.
func orders() map[string]func() aggregate.Event[Till] {
	return map[string]func() aggregate.Event[Till]{
		"pay": func() aggregate.Event[Till] { return PaymentReceived{Cents: 500} },
	}
}
