package main

// paymentReceived2 is PaymentReceived in release 2: it has a note, which is nil in events of
// release 1.
type paymentReceived2 struct {
	Payer string  `avro:"payer"`
	Euros int64   `avro:"euros"`
	Note  *string `avro:"note"`
}

func (paymentReceived2) EventType() string { return paymentReceived }

func (e paymentReceived2) Apply(t *Till) { t.take(e.Payer, e.Euros*centsPerEuro, text(e.Note)) }

func text(note *string) string {
	if note == nil {
		return ""
	}
	return *note
}
