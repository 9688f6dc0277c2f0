package schema_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
	"github.com/fencelog/fencelog/schema/registry"
)

// TestWireFormat holds the format to bytes worked out by hand from the Avro specification.
func TestWireFormat(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	for i := range 0x123 { // so that the id has two bytes
		_, err := m.Register(t.Context(), fmt.Sprint("other", i), record(fmt.Sprintf(`{"name":"f%d","type":"int"}`, i)))
		require.NoError(t, err)
	}
	c := newCodec(t, m, accountSources())
	require.NoError(t, c.Bind(t.Context(), []event.Type{created()}))
	value, revision, err := c.Encode(t.Context(), created(), exampleCreated())
	require.NoError(t, err)
	require.Equal(t, 1, revision)
	require.Equal(t, []byte{
		0, 0, 0, 0x01, 0x24, // magic byte, schema id 0x124
		12, 'u', 's', 'e', 'r', '-', '1', // length 6, zig-zag
		2, 2, // second symbol of each enum
		6, 'U', 'S', 'D',
		4,             // exponent 2
		0,             // null
		2, 0x8f, 0x4e, // branch 1, -5000
	}, value)

	var back AccountCreated
	require.NoError(t, c.Decode(t.Context(), created(), value, &back))
	require.Equal(t, exampleCreated(), back)
}

func TestRoundTripOfAllTypes(t *testing.T) {
	t.Parallel()
	type all struct {
		Bool   bool             `avro:"bool"`
		Int    int32            `avro:"int"`
		Long   int64            `avro:"long"`
		Float  float32          `avro:"float"`
		Double float64          `avro:"double"`
		Bytes  []byte           `avro:"bytes"`
		Fixed  [4]byte          `avro:"fixed"`
		Enum   OwnerType        `avro:"enum"`
		Millis time.Time        `avro:"millis"`
		Micros time.Time        `avro:"micros"`
		Date   time.Time        `avro:"date"`
		Span   time.Duration    `avro:"span"`
		Rat    *big.Rat         `avro:"rat"`
		MaybeR *big.Rat         `avro:"maybeRat"`
		Text   big.Int          `avro:"text"`
		List   []string         `avro:"list"`
		Map    map[string]int64 `avro:"map"`
		Tree   node             `avro:"tree"`
		Some   *string          `avro:"some"`
		None   *string          `avro:"none"`
	}
	c, typ := bound[all](t, registry.NewMemory(), record(`
		{"name":"bool","type":"boolean"},{"name":"int","type":"int"},{"name":"long","type":"long"},{"name":"float","type":"float"},
		{"name":"double","type":"double"},{"name":"bytes","type":"bytes"},{"name":"fixed","type":{"type":"fixed","name":"F","size":4}},
		{"name":"enum","type":{"type":"enum","name":"E","symbols":["UNKNOWN","USER"]}},
		{"name":"millis","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"date","type":{"type":"int","logicalType":"date"}},
		{"name":"span","type":{"type":"long","logicalType":"time-micros"}},
		{"name":"rat","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
		{"name":"maybeRat","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
		{"name":"text","type":"string"},{"name":"list","type":{"type":"array","items":"string"}},{"name":"map","type":{"type":"map","values":"long"}},
		{"name":"tree","type":`+nodeRecord+`},{"name":"some","type":["null","string"]},{"name":"none","type":["string","null"]}`))
	want := all{
		true, math.MinInt32, math.MaxInt64, 1.5, math.Pi,
		[]byte{0, 255},
		[4]byte{1, 2, 3, 4},
		"USER",
		time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), time.Date(1969, 1, 2, 3, 4, 5, 678901e3, time.UTC),
		time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), 90 * time.Minute,
		big.NewRat(-12345, 100), big.NewRat(1, 4), *big.NewInt(77),
		[]string{"a", ""},
		map[string]int64{"x": -1},
		node{"root", &node{"leaf", nil}},
		new("here"), nil,
	}
	value, _, err := c.Encode(t.Context(), typ, want)
	require.NoError(t, err)
	var got all
	require.NoError(t, c.Decode(t.Context(), typ, value, &got))
	require.Equal(t, want, got)
}

func TestRoundTripOfAnyValues(t *testing.T) {
	t.Parallel()
	c := newCodec(t, registry.NewMemory(), accountSources())
	require.NoError(t, c.Bind(t.Context(), []event.Type{created()}))
	rapid.Check(t, func(t *rapid.T) {
		want := AccountCreated{
			OwnerID: rapid.String().Draw(t, "ownerId"),
			OwnerType: rapid.SampledFrom([]OwnerType{"UNKNOWN", "USER", "ORGANIZATION", "SYSTEM"}).Draw(t,
				"ownerType"),
			AccountType: rapid.SampledFrom([]AccountType{"UNKNOWN", "USER", "SYSTEM", "EXTERNAL"}).Draw(t,
				"accountType"),
			Currency:   rapid.String().Draw(t, "currency"),
			Exponent:   rapid.Int32().Draw(t, "exponent"),
			MaxBalance: rapid.Ptr(rapid.Int64(), true).Draw(t, "maxBalance"),
			MinBalance: rapid.Ptr(rapid.Int64(), true).Draw(t, "minBalance"),
		}
		value, _, err := c.Encode(context.Background(), created(), want)
		require.NoError(t, err)
		// Into an event that holds other values, which must all be replaced.
		got := AccountCreated{
			OwnerID: "x", OwnerType: "y", AccountType: "z", Currency: "EUR", Exponent: 9,
			MaxBalance: new(int64(1)), MinBalance: new(int64(2)),
		}
		require.NoError(t, c.Decode(context.Background(), created(), value, &got))
		require.Equal(t, want, got)

		cut := rapid.IntRange(0, len(value)-1).Draw(t, "cut")
		require.Error(t, c.Decode(context.Background(), created(), value[:cut], &got))
	})
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	c := newCodec(t, registry.NewMemory(), accountSources())
	require.NoError(t, c.Bind(t.Context(), []event.Type{created()}))
	martian := exampleCreated()
	martian.OwnerType = "MARTIAN"
	none := exampleCreated()
	none.AccountType = ""
	whole := exampleCreated()
	for name, test := range map[string]struct {
		typ    event.Type
		event  any
		reason error
		says   []string
	}{
		"unknown symbol": {
			created(), martian, schema.ErrMismatch,
			[]string{"Account.AccountCreated", "ownerType", "MARTIAN"},
		},
		"no symbol": {created(), none, schema.ErrMismatch, []string{"accountType"}},
		"not bound": {
			credited(),
			AccountCredited{},
			schema.ErrNotBound,
			[]string{"Account.AccountCredited", "Bind"},
		},
		"another type": {
			created(),
			AccountCredited{},
			schema.ErrMismatch,
			[]string{"found a sampletest.AccountCredited, expected a sampletest.AccountCreated"},
		},
		"a pointer": {created(), &whole, schema.ErrMismatch, []string{"found a *sampletest.AccountCreated"}},
		"nil":       {created(), nil, schema.ErrMismatch, []string{"<nil>"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value, revision, err := c.Encode(t.Context(), test.typ, test.event)
			require.ErrorIs(t, err, test.reason)
			var e *schema.EncodeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.typ, e.Type)
			for _, says := range test.says {
				require.ErrorContains(t, err, says)
			}
			require.Nil(t, value)
			require.Zero(t, revision)
		})
	}
	// A refused event leaves nothing behind in those that follow.
	_, _, err := c.Encode(t.Context(), created(), exampleCreated())
	require.NoError(t, err)
}

// A large value does not make the values after it large.
func TestSmallValuesAreSmall(t *testing.T) {
	t.Parallel()
	c, typ := bound[a](t, registry.NewMemory(), v1)
	for range 2 {
		_, _, err := c.Encode(t.Context(), typ, a{strings.Repeat("x", 1<<20)})
		require.NoError(t, err)
	}
	value, _, err := c.Encode(t.Context(), typ, a{"x"})
	require.NoError(t, err)
	require.Less(t, cap(value), 8<<10)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	c := newCodec(t, m, accountSources())
	require.NoError(t, c.Bind(t.Context(), []event.Type{created(), credited()}))
	good, _, err := c.Encode(t.Context(), created(), exampleCreated())
	require.NoError(t, err)
	register := func(text string) int {
		is, err := m.Register(t.Context(), "s"+text, text)
		require.NoError(t, err)
		return is.ID
	}
	withID := func(id int) []byte {
		value := bytes.Clone(good)
		binary.BigEndian.PutUint32(value[1:], uint32(id))
		return value
	}
	foreign := register(`{"type":"record","name":"AccountCreated","namespace":"elsewhere","fields":[]}`)
	primitive := register(`"string"`)
	partial := register(`{"type":"record","name":"AccountCreated","namespace":"billing.account","fields":[{"name":"ownerId","type":"string"}]}`)
	var into AccountCreated
	for name, test := range map[string]struct {
		value  []byte
		into   any
		reason error
		says   string
	}{
		"nothing":       {nil, &into, schema.ErrTooShort, "decode 0 bytes into event Account.AccountCreated"},
		"half a header": {good[:4], &into, schema.ErrTooShort, "at least 5 bytes"},
		"JSON":          {[]byte(`{"ownerId":"x"}`), &into, schema.ErrMagicByte, "found 0x7b, expected 0x00"},
		"unknown id":    {withID(99), &into, schema.ErrNotFound, "deployment that registers it"},
		"no id":         {withID(0), &into, schema.ErrMalformed, "damaged"},
		"negative id":   {withID(1 << 31), &into, schema.ErrMalformed, "2147483648"},
		"cut":           {good[:len(good)-1], &into, schema.ErrMalformed, "schema id 1"},
		"header only":   {good[:5], &into, schema.ErrMalformed, "schema id 1"},
		"more":          {append(bytes.Clone(good), 1, 2), &into, schema.ErrTrailingBytes, "2 of them"},
		"another namespace": {
			withID(foreign), &into, schema.ErrWrongRecord,
			"found elsewhere.AccountCreated, expected billing.account.AccountCreated",
		},
		"no record":          {withID(primitive), &into, schema.ErrWrongRecord, "string"},
		"another event":      {withID(2), &into, schema.ErrWrongRecord, "billing.account.AccountCredited"},
		"unreadable":         {withID(partial), &into, schema.ErrIncompatible, "ownerType"},
		"into another type":  {good, &AccountCredited{}, schema.ErrMismatch, "pointer to a sampletest.AccountCreated"},
		"into a value":       {good, into, schema.ErrMismatch, "found a sampletest.AccountCreated"},
		"into nil":           {good, nil, schema.ErrMismatch, "<nil>"},
		"into a nil pointer": {good, (*AccountCreated)(nil), schema.ErrMismatch, "pointer"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Decode(t.Context(), created(), test.value, test.into)
			require.ErrorIs(t, err, test.reason)
			require.ErrorContains(t, err, test.says)
			var e *schema.DecodeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, created(), e.Type)
			require.Equal(t, len(test.value), e.Size)
			require.Equal(t, kindOf(test.reason), sampletest.OnlyKind(t, err))
		})
	}
	unbound := event.Type{Category: "Saga", Name: "X", Go: reflect.TypeFor[AccountCreated]()}
	require.ErrorIs(t, c.Decode(t.Context(), unbound, good, &into), schema.ErrNotBound)
	require.NoError(t, c.Decode(t.Context(), created(), good, &into))
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := newCodec(t, registry.NewMemory(), accountSources())
	const goroutines, rounds = 8, 200
	var wg sync.WaitGroup
	failed := make([]error, goroutines)
	for g := range goroutines {
		wg.Go(func() {
			failed[g] = func() error {
				for i := range rounds {
					if err := c.Bind(t.Context(), []event.Type{created(), credited()}); err != nil {
						return err
					}
					want := exampleCreated()
					want.OwnerID = fmt.Sprint(g, "-", i)
					value, _, err := c.Encode(t.Context(), created(), want)
					if err != nil {
						return err
					}
					var got AccountCreated
					if err := c.Decode(t.Context(), created(), value, &got); err != nil {
						return err
					}
					if !reflect.DeepEqual(want, got) {
						return fmt.Errorf("wrote %v, read %v", want, got)
					}
				}
				return nil
			}()
		})
	}
	wg.Wait()
	for _, err := range failed {
		require.NoError(t, err)
	}
}
