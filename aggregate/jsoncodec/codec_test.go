package jsoncodec_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/aggregate/jsoncodec"
	"github.com/fencelog/fencelog/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type line struct {
	SKU   string
	Count int64
}

type ordered struct {
	ID     string
	Total  uint64
	Rate   float64
	At     time.Time
	Note   *string
	Lines  []line
	Labels map[string]int32
	Raw    []byte
	Ok     bool
}

func typeOf(e any) event.Type {
	return event.Type{Category: "Order", Name: "Ordered", Go: reflect.TypeOf(e)}
}

// encodeDecode returns what loading returns of an event.
func encodeDecode(t require.TestingT, e ordered) ordered {
	var c jsoncodec.Codec
	value, revision, err := c.Encode(nil, typeOf(e), e) //nolint:staticcheck // it looks at no context
	require.NoError(t, err)
	require.Equal(t, 1, revision)
	var back ordered
	require.NoError(t, c.Decode(nil, typeOf(e), value, &back)) //nolint:staticcheck // nor does this
	return back
}

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := ordered{
			ID:    rapid.String().Draw(t, "id"),
			Total: rapid.Uint64().Draw(t, "total"),
			Rate:  rapid.Float64().Draw(t, "rate"),
			At: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).
				UTC(),
			Lines: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
				return line{rapid.String().Draw(t, "sku"), rapid.Int64().Draw(t, "count")}
			}), 1, 3).Draw(t, "lines"),
			Labels: rapid.MapOfN(rapid.String(), rapid.Int32(), 1, 3).Draw(t, "labels"),
			Raw:    rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "raw"),
			Ok:     rapid.Bool().Draw(t, "ok"),
		}
		if rapid.Bool().Draw(t, "with note") {
			note := rapid.String().Draw(t, "note")
			e.Note = &note
		}
		require.Equal(t, e, encodeDecode(t, e))
	})
	for _, text := range []string{"\ufffd", `\ufffd`, `\\ufffd`, "a\\", "<&>\u2028"} {
		require.Equal(t, text, encodeDecode(t, ordered{ID: text}).ID)
	}
}

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	var c jsoncodec.Codec
	for want, e := range map[string]ordered{
		"not UTF-8":         {ID: "broken \xff"},
		"unsupported value": {Rate: math.NaN()},
	} {
		_, _, err := c.Encode(t.Context(), typeOf(e), e)
		require.ErrorContains(t, err, want)
	}
	_, _, err := c.Encode(t.Context(), typeOf(ordered{}), ordered{Lines: []line{{SKU: `a\` + "\xff"}}})
	require.ErrorContains(t, err, "use []byte")
}

func TestDecodeOtherFields(t *testing.T) {
	t.Parallel()
	var c jsoncodec.Codec
	var e struct {
		ID  string
		New int
	}
	require.NoError(t, c.Decode(t.Context(), typeOf(e), []byte(`{"ID":"a","Old":7}`), &e))
	require.Equal(t, "a", e.ID)
	require.Zero(t, e.New)
}

func TestBindErrors(t *testing.T) {
	t.Parallel()
	var c jsoncodec.Codec
	require.NoError(t, c.Bind(t.Context(), []event.Type{typeOf(ordered{})}))
	type node struct {
		Next *node
		IDs  map[string][]json.Number
		Skip chan int `json:"-"`
	}
	require.NoError(t, c.Bind(t.Context(), []event.Type{typeOf(node{})}))
	for want, g := range map[string]any{
		"field secret: found a field that is not exported": struct{ secret int }{},
		"field What: found an interface, interface {}":     struct{ What any }{},
		"field Lines[].What: found a func, expected plain": struct{ Lines []struct{ What func() } }{},
		"field By[][].Out: found a chan, expected plain data": struct {
			By map[string][]*struct{ Out chan int }
		}{},
	} {
		err := c.Bind(t.Context(), []event.Type{typeOf(g)})
		var unfit *jsoncodec.UnfitError
		require.ErrorAs(t, err, &unfit, want)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "event Order.Ordered")
	}
	past := typeOf(ordered{})
	past.Revision = 2
	require.ErrorContains(t, c.Bind(t.Context(), []event.Type{past}), "an upcaster up to revision 2")
}
