package main

import "github.com/fencelog/fencelog/aggregate"

// paymentReceived3 is PaymentReceived in release 3: it counts cents. Euros is there for the readers
// of the former releases.
type paymentReceived3 struct {
	Payer string  `avro:"payer"`
	Euros int64   `avro:"euros"`
	Note  *string `avro:"note"`
	Cents int64   `avro:"cents"`
}

func (paymentReceived3) EventType() string { return paymentReceived }

func (e paymentReceived3) Apply(t *Till) { t.take(e.Payer, e.Cents, text(e.Note)) }

// inCents turns a payment of revisions 1 and 2, whose amount is in euros, into a payment of
// release 3. Avro alone would take it for a payment of 0 cents. Only this function needs the former
// shape.
func inCents(old paymentReceived2) []aggregate.Event[Till] {
	return []aggregate.Event[Till]{
		paymentReceived3{Payer: old.Payer, Euros: old.Euros, Note: old.Note, Cents: old.Euros * centsPerEuro},
	}
}
