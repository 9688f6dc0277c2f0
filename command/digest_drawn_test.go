package command_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// holding is a command with a value of any type, in a field that is exported and in one that is
// not.
type holding struct {
	Value  any
	hidden any
}

// stamp is a time of another type.
type stamp time.Time

// level has a text by value, and the same one for several values. Some values have none.
type level int

func (l level) MarshalText() ([]byte, error) {
	if l < 0 {
		return nil, errors.New("below 0")
	}
	return strconv.AppendInt(nil, int64(l/2), 10), nil
}

// seat has a text by pointer.
type seat struct{ Row, Number int }

func (s *seat) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d-%d", s.Row, s.Number), nil }

// tagged has fields whose names are not in the order of those in Go.
type tagged struct {
	First  string    `json:"z"`
	Second *level    `json:"same,omitempty"`
	Third  any       `json:"other"`
	Fourth time.Time `json:"-"`
	More   []tagged
	fifth  map[string]uint8
}

// simple are types that a drawn type consists of.
var simple = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint16](),
	reflect.TypeFor[uint8](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[complex64](), reflect.TypeFor[complex128](), reflect.TypeFor[string](), reflect.TypeFor[any](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[stamp](), reflect.TypeFor[level](), reflect.TypeFor[seat](),
	reflect.TypeFor[big.Int](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[moveNow](), reflect.TypeFor[amount](),
	reflect.TypeFor[tagged](), reflect.TypeFor[chan int](), reflect.TypeFor[fmt.Stringer](),
}

func drawType(t *rapid.T, depth int) reflect.Type {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 || kind > 4 {
		return rapid.SampledFrom(simple).Draw(t, "type")
	}
	switch kind {
	case 0:
		return reflect.PointerTo(drawType(t, depth-1))
	case 1:
		return reflect.SliceOf(drawType(t, depth-1))
	case 2:
		return reflect.ArrayOf(rapid.IntRange(0, 2).Draw(t, "length"), drawType(t, depth-1))
	case 3:
		key := rapid.SampledFrom([]reflect.Type{
			reflect.TypeFor[string](), reflect.TypeFor[level](), reflect.TypeFor[moveNow](),
			reflect.TypeFor[chan int](),
		}).Draw(t, "key")
		return reflect.MapOf(key, drawType(t, depth-1))
	default:
		var fields []reflect.StructField
		for i := range rapid.IntRange(0, 3).Draw(t, "fields") {
			f := reflect.StructField{Name: "F" + strconv.Itoa(i), Type: drawType(t, depth-1)}
			f.Tag = rapid.SampledFrom([]reflect.StructTag{"", `json:"a"`, `json:"G,omitempty"`, `json:"-"`}).Draw(t, "tag")
			fields = append(fields, f)
		}
		return reflect.StructOf(fields)
	}
}

// drawing draws values. It notes whether one of them has a map with several entries.
type drawing struct{ several bool }

func (d *drawing) set(t *rapid.T, v reflect.Value, depth int) {
	if !v.CanSet() || rapid.IntRange(0, 3).Draw(t, "zero") == 0 {
		return
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(rapid.Int64Range(-1, 1).Draw(t, "seconds"), rapid.Int64Range(0, 999).Draw(t, "nanos"))
		return
	case *stamp:
		*x = stamp(time.Unix(5, 0).In(time.FixedZone("", 3600)))
		return
	case *big.Int:
		x.SetInt64(rapid.Int64Range(-1, 1).Draw(t, "big"))
		return
	case *netip.Addr:
		*x = netip.IPv6Unspecified()
		return
	case *fmt.Stringer:
		*x = rapid.SampledFrom([]fmt.Stringer{time.Second, big.NewInt(0), (*big.Int)(nil), time.Time{}}).Draw(t, "is")
		return
	case *tagged:
		x.fifth = map[string]uint8{"": 0}
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8:
		v.SetInt(rapid.Int64Range(-1, 3).Draw(t, "int"))
	case reflect.Uint8, reflect.Uint16, reflect.Uintptr:
		v.SetUint(rapid.Uint64Range(0, 2).Draw(t, "uint"))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(drawFloat(t))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(drawFloat(t), drawFloat(t)))
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "s1:a", "\x00"}).Draw(t, "text"))
	case reflect.Chan:
		if rapid.IntRange(0, 9).Draw(t, "chan") == 0 {
			v.Set(reflect.MakeChan(v.Type(), 0))
		}
	default:
		if depth > 0 {
			d.setParts(t, v, depth-1)
		}
	}
}

func drawFloat(t *rapid.T) float64 {
	return rapid.SampledFrom([]float64{
		0, math.Copysign(0, -1), 1, -0.1, 1e300, 1 << 63, math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64,
	}).Draw(t, "float")
}

func (d *drawing) setParts(t *rapid.T, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.set(t, v.Elem(), depth)
	case reflect.Interface:
		in := reflect.New(drawType(t, depth)).Elem()
		d.set(t, in, depth)
		v.Set(in)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 2).Draw(t, "length"), 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			d.set(t, v.Index(i), depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			d.set(t, key, depth)
			d.set(t, elem, depth)
			v.SetMapIndex(key, elem)
		}
		d.several = d.several || v.Len() > 1
	case reflect.Struct:
		for i := range v.NumField() {
			d.set(t, v.Field(i), depth)
		}
	default:
	}
}

// TestDigestAsEver compares digests, and the errors for commands without one, with those of an
// implementation that is plain and slow.
func TestDigestAsEver(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	var got string
	require.NoError(t, command.Register(bus, func(ctx context.Context, _ holding) (eventstore.Outcome, error) {
		got = event.CauseFrom(ctx).CommandDigest
		return eventstore.Outcome{}, nil
	}))
	check := func(t require.TestingT, cmd holding, several bool) {
		want, wrong := oracle(cmd)
		for range 2 { // with a type that is new, and with one that is known
			got = ""
			_, err := bus.Dispatch(context.Background(), cmd)
			require.Equal(t, want, got)
			switch {
			case wrong == nil:
				require.NoError(t, err)
			case several: // any of the entries of a map may be the first that is wrong
				require.ErrorIs(t, err, eventstore.ErrInvalid)
			default:
				require.EqualError(t, err, "dispatch command_test.holding: "+wrong.Error())
			}
		}
	}
	for _, v := range []any{
		moveNow{"a"}, &moveNow{}, (*moveNow)(nil), []any{moveThere{}, moveBack{}}, // names
		struct{ A, B [2]int }{B: [2]int{1}}, struct{ A [0]string }{}, [2]byte{}, [2]byte{0, 1}, // arrays
		struct{ At, Zero stamp }{At: stamp(time.Unix(0, 1))}, []time.Time{{}, time.Unix(-1, 0)}, // times
		struct{ A, B level }{1, 2}, seat{}, &seat{1, 2}, []seat{{}}, level(-1), // texts
		struct{ A map[level]level }{map[level]level{1: -1}}, map[any]any{make(chan int): 1}, // paths to what is wrong
		[]complex128{complex(0, math.Copysign(0, -1)), complex(0.5, 1)}, uintptr(1), true, // numbers
		func() {},
	} {
		check(t, holding{Value: v}, false)
		check(t, holding{hidden: v}, false)
	}
	rapid.Check(t, func(t *rapid.T) {
		const depth = 5
		var d drawing
		var cmd holding
		value := reflect.New(drawType(t, depth)).Elem()
		d.set(t, value, depth)
		if rapid.IntRange(0, 3).Draw(t, "hidden") == 0 {
			cmd.hidden = value.Interface()
		} else {
			cmd.Value = value.Interface()
		}
		check(t, cmd, d.several)
	})
}
