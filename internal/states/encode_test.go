package states_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/internal/states"
)

const mebibyte = 1 << 20

// everything has a field of each kind that can be encoded.
type everything struct {
	Flag                bool
	I8                  int8
	I64                 int64
	U16                 uint16
	U64                 uint64
	F32                 float32
	F64                 float64
	C                   complex128
	Text                string
	Bytes               []byte
	private             string
	At                  time.Time
	stamp               stamp
	Took                time.Duration
	Numbers             [3]int32
	Lines               []line
	ByName              map[string]line
	Limit               *int64
	Deep                **string
	Counts              map[int8]map[bool][]string
	Addr                netip.Addr
	Big                 big.Int
	Empty               struct{}
	Units               []struct{}
	inner               struct{ limit *int }
	Named               names
	PointerToNamedSlice *names
}

type (
	stamp time.Time
	names []string
	line  struct {
		SKU   string
		count int
	}
)

func pointerTo[T any](v T) *T { return &v }

func drawEverything(t *rapid.T) everything {
	text := rapid.StringN(0, 5, 20)
	drawLine := rapid.Custom(func(t *rapid.T) line {
		return line{text.Draw(t, "sku"), rapid.IntRange(-9, 9).Draw(t, "count")}
	})
	zone := rapid.SampledFrom([]*time.Location{time.UTC, time.Local, time.FixedZone("X", 5400)})
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).
			In(zone.Draw(t, "zone"))
	})
	e := everything{
		Flag: rapid.Bool().Draw(t, "flag"), I8: rapid.Int8().Draw(t, "i8"), I64: rapid.Int64().Draw(t, "i64"),
		U16: rapid.Uint16().Draw(t, "u16"), U64: rapid.Uint64().Draw(t, "u64"), F32: rapid.Float32().Draw(t, "f32"),
		F64: rapid.Float64().Draw(t, "f64"), Text: text.Draw(t, "text"), private: text.Draw(t, "private"),
		At: at.Draw(t, "at"), stamp: stamp(at.Draw(t, "stamp")), Took: time.Duration(rapid.Int64().Draw(t, "took")),
		Numbers: [3]int32{rapid.Int32().Draw(t, "number")}, Addr: netip.AddrFrom4([4]byte{1, 2, 3, rapid.Byte().Draw(t, "a")}),
	}
	e.C = complex(e.F64, -e.F64)
	if rapid.Bool().Draw(t, "is empty, not nil") {
		e.Bytes, e.Lines, e.ByName, e.Named, e.Units = []byte{}, []line{}, map[string]line{}, names{}, []struct{}{}
		e.Counts = map[int8]map[bool][]string{1: nil, 2: {}, 3: {true: nil, false: {}}}
	}
	if rapid.Bool().Draw(t, "has values") {
		e.Bytes = rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "bytes")
		e.Lines = rapid.SliceOfN(drawLine, 1, 4).Draw(t, "lines")
		e.ByName = rapid.MapOfN(text, drawLine, 1, 4).Draw(t, "by name")
		e.Limit, e.Deep = pointerTo(rapid.Int64Range(0, 1).Draw(t, "limit")), pointerTo(pointerTo(text.Draw(t, "deep")))
		e.Counts = map[int8]map[bool][]string{rapid.Int8().Draw(t, "key"): {true: {text.Draw(t, "count")}}}
		e.Big = *big.NewInt(rapid.Int64().Draw(t, "big"))
		e.Units = make([]struct{}, 3)
		e.inner.limit = pointerTo(0)
		e.Named = names{"a"}
		e.PointerToNamedSlice = &names{"b"}
	}
	return e
}

func codecOf[S any](t require.TestingT) *states.Codec[S] {
	c, err := states.NewCodec[S]()
	require.NoError(t, err)
	return c
}

// A state is decoded as it was encoded, with all that is not exported. No bytes make Decode panic.
func TestEncode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, given := codecOf[everything](t), drawEverything(t)
		b, err := c.Encode(given, mebibyte)
		require.NoError(t, err)
		found, err := c.Decode(b)
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(given, found), "%#v\n%#v", given, found)
		again, err := c.Encode(found, mebibyte)
		require.NoError(t, err)
		require.Len(t, again, len(b))

		_, err = c.Encode(given, len(b)-1)
		require.ErrorContains(t, err, fmt.Sprintf("it takes more than %d bytes", len(b)-1))
		_, err = c.Decode(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
		require.Error(t, err)
		_, err = c.Decode(append(b, 0))
		require.ErrorContains(t, err, "it is not what this program has encoded")
		for range 5 {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "changed")] = rapid.Byte().Draw(t, "to")
			_, _ = c.Decode(b)
		}
	})
}

func TestEncodeUnusualNumbers(t *testing.T) {
	t.Parallel()
	c := codecOf[[]float64](t)
	given := []float64{math.NaN(), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64}
	b, err := c.Encode(given, mebibyte)
	require.NoError(t, err)
	found, err := c.Decode(b)
	require.NoError(t, err)
	for i := range given {
		require.Equal(t, math.Float64bits(given[i]), math.Float64bits(found[i]))
	}
}

// item is shared by a list and a map, as in many states.
type item struct {
	Count int
	Next  *item
	Of    *basket
}

type basket struct {
	Items  []*item
	ByName map[string]*item
	Same   map[string]*item
	Self   *basket
}

// What pointers and maps share they share again, also if they contain themselves.
func TestEncodeShared(t *testing.T) {
	t.Parallel()
	a, b := &item{Count: 1}, &item{Count: 2}
	a.Next, b.Next = b, a
	given := basket{Items: []*item{a, nil, b, a}, ByName: map[string]*item{"a": a, "b": b}}
	given.Same, given.Self = given.ByName, &basket{}
	given.Self.Self = given.Self
	a.Of = given.Self
	c := codecOf[basket](t)
	encoded, err := c.Encode(given, mebibyte)
	require.NoError(t, err)
	found, err := c.Decode(encoded)
	require.NoError(t, err)

	require.Same(t, found.Items[0], found.Items[3])
	require.Same(t, found.Items[0], found.ByName["a"])
	require.Same(t, found.Items[2], found.ByName["b"])
	require.Same(t, found.Items[0].Next, found.Items[2])
	require.Same(t, found.Items[2].Next, found.Items[0])
	require.Same(t, found.Self, found.Self.Self)
	require.Same(t, found.Self, found.Items[0].Of)
	found.Items[0].Count = 7
	require.Equal(t, 7, found.ByName["a"].Count)
	found.ByName["c"] = found.Items[0]
	require.Len(t, found.Same, 3, "they are one map")
	require.Equal(t, 1, a.Count)
	require.Len(t, given.Same, 2)
}

type slices2 struct {
	A, B []int
	P    *int
	Q    **int
}

// Slices that share memory cannot be told apart from those that do not, so they are refused.
func TestEncodeOverlaps(t *testing.T) {
	t.Parallel()
	c := codecOf[slices2](t)
	all, one := []int{1, 2, 3, 4}, 1
	p := &one
	for name, s := range map[string]slices2{
		"the same slice":       {A: all, B: all},
		"a part":               {A: all, B: all[1:2]},
		"room behind a slice":  {A: all[:1], B: all[2:]},
		"a pointer into one":   {A: all, P: &all[3]},
		"a pointer to pointer": {Q: (**int)(nil), A: all, B: all[3:]},
	} {
		_, err := c.Encode(s, mebibyte)
		require.ErrorContains(t, err, "refer to the same memory", name)
	}
	for name, s := range map[string]slices2{
		"apart":             {A: all[:2:2], B: all[2:]},
		"a pointer twice":   {A: all, P: p, Q: &p},
		"empty and another": {A: all[:0:0], B: all},
	} {
		_, err := c.Encode(s, mebibyte)
		require.NoError(t, err, name)
	}
}

// careless loses something when it is encoded.
type careless struct {
	kept any
	lost int
}

func (c careless) MarshalBinary() ([]byte, error) {
	if c.kept == "no" {
		return nil, errors.New("will not")
	}
	return fmt.Append(nil, c.kept), nil
}

func (c *careless) UnmarshalBinary(b []byte) error { c.kept = string(b); return nil }

// A type that encodes itself must make the same value again.
func TestEncodeMarshalers(t *testing.T) {
	t.Parallel()
	type state struct{ Parts []careless }
	c := codecOf[state](t)
	given := state{Parts: []careless{{kept: "a"}, {kept: "b"}}}
	b, err := c.Encode(given, mebibyte)
	require.NoError(t, err)
	found, err := c.Decode(b)
	require.NoError(t, err)
	require.Equal(t, given, found)
	_, err = c.Encode(state{Parts: []careless{{kept: "a", lost: 1}}}, mebibyte)
	require.ErrorContains(t, err, "careless: UnmarshalBinary does not make again what MarshalBinary was called on")
	_, err = c.Encode(state{Parts: []careless{{kept: "no"}}}, mebibyte)
	require.ErrorContains(t, err, "will not")
}

// embeds has the methods of what it embeds, which would lose its other field.
type embeds struct {
	netip.Addr
	Port int
}

func TestEncodeEmbedded(t *testing.T) {
	t.Parallel()
	c := codecOf[embeds](t)
	given := embeds{netip.MustParseAddr("fe80::1%eth0"), 80}
	b, err := c.Encode(given, mebibyte)
	require.NoError(t, err)
	found, err := c.Decode(b)
	require.NoError(t, err)
	require.Equal(t, given, found)
}

type list struct{ Next *list }

func TestEncodeMistakes(t *testing.T) {
	t.Parallel()
	for path, err := range map[string]error{
		"A.B":      codecErr[struct{ A struct{ B any } }](),
		"A[0]":     codecErr[struct{ A []func() }](),
		"A[…]":     codecErr[struct{ A map[string]chan int }](),
		"A (key)":  codecErr[struct{ A map[any]int }](),
		"A.b":      codecErr[struct{ A *struct{ b error } }](),
		"A[…][0].": codecErr[struct{ A map[int][]struct{ any } }](),
	} {
		var no *states.UnsupportedError
		require.ErrorAs(t, err, &no, path)
		require.Contains(t, no.Path, path)
		require.ErrorContains(t, err, "or set Snapshots.Off")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Log("no time zones here:", err)
	} else {
		_, err = codecOf[time.Time](t).Encode(time.Now().In(berlin), mebibyte)
		require.ErrorContains(t, err, "a time in the zone Europe/Berlin: keep times in UTC")
	}
	var deep *list
	for range 20_000 {
		deep = &list{deep}
	}
	_, err = codecOf[list](t).Encode(*deep, mebibyte)
	require.ErrorContains(t, err, "values are nested deeper than 10000")
}

func codecErr[S any]() error {
	_, err := states.NewCodec[S]()
	return err
}

// States of other layouts have other numbers.
func TestLayout(t *testing.T) {
	t.Parallel()
	type a struct{ A, B int32 }
	type b struct{ B, A int32 }
	type c struct {
		A int32
		B struct{ C *a }
	}
	seen := map[uint64]bool{
		codecOf[a](t).Layout(): true, codecOf[b](t).Layout(): true, codecOf[c](t).Layout(): true,
		codecOf[*a](t).Layout(): true, codecOf[everything](t).Layout(): true,
	}
	require.Len(t, seen, 5)
	require.Equal(t, codecOf[everything](t).Layout(), codecOf[everything](t).Layout())
}
