package main

// paymentReceived1 is PaymentReceived in release 1.
type paymentReceived1 struct {
	Payer string `avro:"payer"`
	Euros int64  `avro:"euros"`
}

func (paymentReceived1) EventType() string { return paymentReceived }

func (e paymentReceived1) Apply(t *Till) { t.take(e.Payer, e.Euros*centsPerEuro, "") }
