package generic_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/generic"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const everything = `{"type": "record", "name": "Everything", "namespace": "test", "fields": [
	{"name": "text", "type": "string"},
	{"name": "yes", "type": "boolean"},
	{"name": "count", "type": "int"},
	{"name": "long", "type": "long"},
	{"name": "float", "type": "float"},
	{"name": "double", "type": "double"},
	{"name": "notANumber", "type": "double"},
	{"name": "bytes", "type": "bytes"},
	{"name": "fixed", "type": {"type": "fixed", "name": "Two", "size": 2}},
	{"name": "symbol", "type": {"type": "enum", "name": "Color", "symbols": ["RED", "BLUE"]}},
	{"name": "absent", "type": ["null", "string"]},
	{"name": "present", "type": ["null", "string"]},
	{"name": "several", "type": ["string", "Color", {"type": "record", "name": "Card", "fields": [
		{"name": "number", "type": "string"}, {"name": "another", "type": ["null", "Card"]}]}]},
	{"name": "list", "type": {"type": "array", "items": "Card"}},
	{"name": "map", "type": {"type": "map", "values": "long"}},
	{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
	{"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
	{"name": "date", "type": {"type": "int", "logicalType": "date"}},
	{"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
	{"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
	{"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
	{"name": "span", "type": {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"}}
]}`

// The order is that of the schema, and not of the names.
const shown = `{
	"text": "a\nb", "yes": true, "count": -7, "long": 9007199254740993, "float": 0.1, "double": 1e+300,
	"notANumber": "NaN", "bytes": "00ff", "fixed": "0102", "symbol": "BLUE", "absent": null, "present": "here",
	"several": {"test.Card": {"number": "1", "another": {"number": "2", "another": null}}},
	"list": [{"number": "3", "another": null}], "map": {"a": 1, "b": 2},
	"at": "2026-01-02T03:04:05.678Z", "local": "2026-01-02T03:04:05.000006", "date": "2026-01-02",
	"clock": "03:04:05.678", "id": "0189c9c2-7d7a-7bbb-8aaa-111111111111", "amount": "-12.30",
	"span": {"months": 1, "days": 2, "milliseconds": 3}
}`

// written is a value of everything.
func written() map[string]any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	return map[string]any{
		"text": "a\nb", "yes": true, "count": -7, "long": int64(1)<<53 + 1, "float": float32(0.1), "double": 1e300,
		"notANumber": math.NaN(), "bytes": []byte{0, 255}, "fixed": []byte{1, 2}, "symbol": "BLUE",
		"absent": nil, "present": "here",
		"several": map[string]any{"test.Card": map[string]any{
			"number": "1", "another": map[string]any{"number": "2", "another": nil},
		}},
		"list": []any{map[string]any{"number": "3", "another": nil}},
		"map":  map[string]any{"b": int64(2), "a": int64(1)},
		"at":   at, "local": at.Truncate(time.Second).Add(6 * time.Microsecond), "date": at,
		"clock": 3*time.Hour + 4*time.Minute + 5678*time.Millisecond, "id": "0189c9c2-7d7a-7bbb-8aaa-111111111111",
		"amount": big.NewRat(-1230, 100), "span": avro.Duration{Months: 1, Days: 2, Milliseconds: 3},
	}
}

// encode returns a value in the wire format, and the registry that has its schema.
func encode(t *testing.T, text string, v any) ([]byte, *registry.Memory) {
	t.Helper()
	r := registry.NewMemory()
	is, err := r.Register(t.Context(), "subject", text)
	require.NoError(t, err)
	value := binary.BigEndian.AppendUint32([]byte{0}, uint32(is.ID))
	value, err = avro.MustParse(text).AppendEncode(value, v)
	require.NoError(t, err)
	return value, r
}

func TestDecodeHasEveryTypeInTheOrderOfTheSchema(t *testing.T) {
	t.Parallel()
	value, r := encode(t, everything, written())
	d := generic.NewDecoder(r)
	for range 2 {
		record, err := d.Decode(t.Context(), value)
		require.NoError(t, err)
		require.Equal(t, "test.Everything", record.Name)
		require.Equal(t, 1, record.SchemaID)
		got, err := json.Marshal(record.Fields)
		require.NoError(t, err)
		require.JSONEq(t, shown, string(got))
		require.Equal(t, namesIn(t, shown), namesIn(t, string(got)))
	}
}

// namesIn returns the names of an object's fields in their order.
func namesIn(t *testing.T, object string) (names []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	_, err := d.Token()
	require.NoError(t, err)
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		names = append(names, name.(string))
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	return names
}

// away is a registry that does not answer.
type away struct{ registry.Registry }

func (away) Schema(context.Context, int) (string, error) { return "", schema.ErrUnavailable }

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	const note = `{"type": "record", "name": "Noted", "namespace": "test", "fields": [{"name": "text", "type": "string"}]}`
	value, r := encode(t, note, map[string]any{"text": "hello"})
	list, err := r.Register(t.Context(), "list", `{"type": "array", "items": "int"}`)
	require.NoError(t, err)
	with := func(id int) []byte { return binary.BigEndian.AppendUint32([]byte{0}, uint32(id)) }
	for _, c := range []struct {
		name     string
		registry schema.Lookup
		value    []byte
		want     error
	}{
		{"nothing", r, nil, schema.ErrTooShort},
		{"four bytes", r, []byte{0, 0, 0, 1}, schema.ErrTooShort},
		{"JSON", r, []byte(`{"text": "hello"}`), schema.ErrMagicByte},
		{"no id", r, with(0), schema.ErrMalformed},
		{"another id", r, with(99), schema.ErrNotFound},
		{"no record", r, with(list.ID), schema.ErrInvalidSchema},
		{"cut", r, value[:len(value)-1], schema.ErrMalformed},
		{"more", r, append(value[:len(value):len(value)], 0), schema.ErrTrailingBytes},
		{"no registry", away{}, value, schema.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := generic.NewDecoder(c.registry).Decode(t.Context(), c.value)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// Bytes of anybody are an error, or a value that JSON takes.
func FuzzDecode(f *testing.F) {
	r := registry.NewMemory()
	_, err := r.Register(context.Background(), "subject", everything)
	if err != nil {
		f.Fatal(err)
	}
	encoded, err := avro.MustParse(everything).AppendEncode(nil, written())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add(encoded[:40])
	f.Add([]byte{})
	d := generic.NewDecoder(r)
	f.Fuzz(func(t *testing.T, body []byte) {
		record, err := d.Decode(t.Context(), append([]byte{0, 0, 0, 0, 1}, body...))
		if err != nil {
			require.True(t, errors.Is(err, schema.ErrMalformed) || errors.Is(err, schema.ErrTrailingBytes), err)
			return
		}
		_, err = json.Marshal(record.Fields)
		require.NoError(t, err)
	})
}
