package fencelogcli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/schema/generic"
	"github.com/fencelog/fencelog/schema/registry"
)

// The encodings of a value.
const (
	encodingAvro    = "avro" // in Confluent's wire format
	encodingJSON    = "json"
	encodingUnknown = "unknown"
)

// value is an event's own fields as they are shown.
type value struct {
	Encoding string          `json:"encoding"`
	SchemaID int             `json:"schemaId,omitempty"` // that it names, with encodingAvro
	Event    json.RawMessage `json:"event,omitempty"`    // nil if it was not decoded
	Hex      string          `json:"hex,omitempty"`      // the value, if it was not decoded
	Problem  string          `json:"problem,omitempty"`  // why it was not decoded
}

// askAgain is how long a registry that did not answer is left alone.
const askAgain = 5 * time.Second

// values decodes values. It is for one goroutine.
type values struct {
	open func() (registry.Registry, func() error, error)

	decoder  *generic.Decoder
	close    func() error
	failed   error     // why there is no decoder, or why the registry did not answer
	failedAt time.Time // zero: for good
}

// values returns what decodes values. It opens the registry when the first value needs it.
func (t *tool) values() *values {
	return &values{open: t.registry, close: func() error { return nil }}
}

// of decodes a value. It tells a value in JSON from one in Confluent's wire format by the first
// byte, which is zero only in the latter.
func (d *values) of(ctx context.Context, raw []byte) value {
	undecoded := func(v value, err error) value {
		v.Hex, v.Problem = hex.EncodeToString(raw), err.Error()
		return v
	}
	if len(raw) == 0 || raw[0] != 0 {
		if !json.Valid(raw) {
			return undecoded(value{Encoding: encodingUnknown},
				errors.New("it is neither in Confluent's wire format, which begins with a zero byte, nor JSON"))
		}
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw) // it is valid
		return value{Encoding: encodingJSON, Event: compact.Bytes()}
	}
	v := value{Encoding: encodingAvro}
	var err error
	if v.SchemaID, err = generic.SchemaID(raw); err != nil {
		return undecoded(v, err)
	}
	record, err := d.decode(ctx, raw)
	if err == nil {
		v.Event, err = record.Fields.MarshalJSON()
	}
	if err != nil {
		return undecoded(v, err)
	}
	return v
}

func (d *values) decode(ctx context.Context, raw []byte) (generic.Record, error) {
	if d.failed != nil && (d.failedAt.IsZero() || time.Since(d.failedAt) < askAgain) {
		return generic.Record{}, d.failed
	}
	if d.decoder == nil {
		r, end, err := d.open()
		if err != nil {
			d.failed = err
			return generic.Record{}, err
		}
		d.decoder, d.close = generic.NewDecoder(r), end
	}
	record, err := d.decoder.Decode(ctx, raw)
	d.failed = nil
	if away(err) {
		d.failed, d.failedAt = err, clock.Reading()
	}
	return record, err
}

// field is a field of an event, in JSON.
type field struct {
	name  string
	value json.RawMessage
}

// fields returns the fields of the event in their order; nil if it is no JSON object.
func (v value) fields() []field {
	d := json.NewDecoder(bytes.NewReader(v.Event))
	if opening, err := d.Token(); err != nil || opening != json.Delim('{') {
		return nil
	}
	var all []field
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		f := field{name: fmt.Sprint(name)}
		if err := d.Decode(&f.value); err != nil {
			return nil
		}
		all = append(all, f)
	}
	return all
}

// text returns the field's value for a person: a string without its quotes, if it can be shown so.
func (f field) text() string {
	var text string
	if json.Unmarshal(f.value, &text) == nil && !slices.Equal(f.value, []byte("null")) {
		return plain(text)
	}
	return plain(string(f.value))
}
