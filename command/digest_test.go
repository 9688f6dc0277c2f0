package command_test

import (
	"context"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/command"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// digest returns the digest that a handler's events would carry.
func digest[C any](t require.TestingT, c C) string {
	bus := command.NewBus(command.Config{})
	var got string
	require.NoError(t, command.Register(bus, func(ctx context.Context, _ C) (eventstore.Outcome, error) {
		got = event.CauseFrom(ctx).CommandDigest
		return eventstore.Outcome{}, nil
	}))
	require.NoError(t, errOf(bus.Dispatch(context.Background(), c)))
	require.Len(t, got, 32)
	return got
}

type amount struct {
	minor    int64
	currency string
}

type pay struct {
	Account string            `json:"account"`
	Amount  amount            `json:"amount"`
	Limit   *int              `json:"limit"`
	At      time.Time         `json:"at"`
	Tags    map[string]string `json:"tags"`
	Lines   []int             `json:"lines"`
	Rate    float64           `json:"rate"`
	Total   *big.Int          `json:"total"`
	Key     [4]byte           `json:"key"`
	Note    any               `json:"note"`
	Raw     []byte
}

func example() pay {
	return pay{
		Account: "a-1", Amount: amount{5, "EUR"}, Limit: new(3), At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Tags:  map[string]string{"x": "1", "y": ""},
		Lines: []int{1, 0}, Rate: 0.5, Total: big.NewInt(7), Key: [4]byte{1}, Note: amount{1, "x"}, Raw: []byte{0},
	}
}

// TestDigestOtherContent changes one thing at a time.
func TestDigestOtherContent(t *testing.T) {
	t.Parallel()
	seen := map[string]string{digest(t, example()): "the example", digest(t, pay{}): "nothing"}
	for name, change := range map[string]func(*pay){
		"text":                      func(c *pay) { c.Account = "a-2" },
		"what is not exported":      func(c *pay) { c.Amount.minor = 6 },
		"less":                      func(c *pay) { c.Amount.currency = "" },
		"a pointer to another":      func(c *pay) { c.Limit = new(4) },
		"a pointer to zero":         func(c *pay) { c.Limit = new(0) },
		"no pointer":                func(c *pay) { c.Limit = nil },
		"a nanosecond":              func(c *pay) { c.At = c.At.Add(1) },
		"a value of a map":          func(c *pay) { c.Tags["x"] = "2" },
		"an entry less":             func(c *pay) { delete(c.Tags, "y") },
		"an entry more":             func(c *pay) { c.Tags["z"] = "" },
		"order":                     func(c *pay) { c.Lines = []int{0, 1} },
		"a zero more":               func(c *pay) { c.Lines = append(c.Lines, 0) },
		"a float":                   func(c *pay) { c.Rate = 0.25 },
		"no number":                 func(c *pay) { c.Rate = math.NaN() },
		"a text of its own":         func(c *pay) { c.Total = big.NewInt(8) },
		"an array":                  func(c *pay) { c.Key[3] = 1 },
		"what an interface holds":   func(c *pay) { c.Note = amount{2, "x"} },
		"its type":                  func(c *pay) { c.Note = other{1, "x"} },
		"a byte":                    func(c *pay) { c.Raw = []byte{1} },
		"a byte more":               func(c *pay) { c.Raw = []byte{0, 0} },
		"a text in another's place": func(c *pay) { c.Account, c.Amount.currency = "", "a-1EUR" },
	} {
		c := example()
		change(&c)
		d := digest(t, c)
		require.Empty(t, seen[d], name)
		seen[d] = name
	}
}

type other struct {
	minor    int64
	currency string
}

// TestDigestSameContent changes things that are no content.
func TestDigestSameContent(t *testing.T) {
	t.Parallel()
	want := digest(t, example())
	elsewhere := example()
	elsewhere.At = elsewhere.At.In(time.FixedZone("ahead", 3600))
	elsewhere.Tags = map[string]string{"y": "", "x": "1"}
	elsewhere.Total = new(big.Int).Sub(big.NewInt(10), big.NewInt(3))
	require.Equal(t, want, digest(t, elsewhere))

	empty := pay{Tags: map[string]string{}, Lines: []int{}, Raw: []byte{}, Rate: math.Copysign(0, -1)}
	require.Equal(t, digest(t, pay{}), digest(t, empty), "another serialiser makes empty lists of none")
	require.Equal(t, digest(t, pay{Total: new(big.Int)}),
		digest(t, pay{Total: new(big.Int).Sub(big.NewInt(3), big.NewInt(3))}))
}

// TestDigestOtherRelease compares two releases of one command.
func TestDigestOtherRelease(t *testing.T) {
	t.Parallel()
	type inner struct {
		X int `json:"x"`
	}
	before := func() string {
		type move struct {
			From string `json:"from"`
			To   string
			In   inner
			Step int32
		}
		return digest(t, move{From: "a", To: "b", In: inner{1}, Step: 2})
	}
	after := func() string {
		type innerMost struct {
			Since time.Time
			X     *int64 `json:"x"`
			More  struct{ A, B []int }
		}
		type move struct {
			Step   float64
			Reason string // new
			In     innerMost
			Origin string `json:"from"` // renamed in Go
			To     string
			Parts  []string
			Until  time.Time
			Late   *bool
			Any    any
		}
		return digest(t, move{Origin: "a", To: "b", In: innerMost{X: new(int64(1))}, Step: 2})
	}
	require.Equal(t, before(), after())
}

type moveNow struct{ To string }

func (moveNow) CommandType() string { return "Move" }

type moveThere struct{ To string }

func (moveThere) CommandType() string { return "Move" }

type moveBack struct{ To string }

// TestDigestCommandType tells commands of one shape apart, by their durable name if they have one.
func TestDigestCommandType(t *testing.T) {
	t.Parallel()
	require.Equal(t, digest(t, moveNow{"a"}), digest(t, moveThere{"a"}))
	require.NotEqual(t, digest(t, moveNow{"a"}), digest(t, moveBack{"a"}))
}

// TestDigestStored compares digests with those that are stored already. A change of digests would
// refuse commands that are repeated over a deploy.
func TestDigestStored(t *testing.T) {
	t.Parallel()
	require.Equal(t, "f74c8c6fa32340f54bdb4711b66b9ef0", digest(t, example()))
	require.Equal(t, "b913c01a4f34fbf56d68ede26600227f", digest(t, moveNow{"a"}))
}

type tree struct {
	Name string
	More []*tree
}

type reply struct{ To chan int }

type hiddenTime struct{ at time.Time }

func TestDispatchNoPlainData(t *testing.T) {
	t.Parallel()
	bus := command.NewBus(command.Config{})
	require.NoError(t,
		command.Register(bus, func(context.Context, tree) (eventstore.Outcome, error) {
			return eventstore.Outcome{}, nil
		}))
	require.NoError(t,
		command.Register(bus, func(context.Context, reply) (eventstore.Outcome, error) {
			return eventstore.Outcome{}, nil
		}))
	require.NoError(t,
		command.Register(bus, func(context.Context, hiddenTime) (eventstore.Outcome, error) {
			return eventstore.Outcome{}, nil
		}))
	loop := &tree{Name: "a"}
	loop.More = []*tree{loop}
	for _, x := range []struct {
		cmd  any
		want string
	}{
		{*loop, "found values nested deeper than 100, expected plain data"},
		{reply{make(chan int)}, "command field reply.To: found a chan, expected plain data"},
		{hiddenTime{time.Unix(1, 0)}, "command field hiddenTime.at: found a time in a field that is not exported"},
	} {
		_, err := bus.Dispatch(t.Context(), x.cmd)
		require.ErrorIs(t, err, eventstore.ErrInvalid)
		require.ErrorContains(t, err, x.want)
	}
	require.NoError(t, errOf(bus.Dispatch(t.Context(), reply{})))
	require.NoError(t, errOf(bus.Dispatch(t.Context(), tree{More: []*tree{{Name: "b"}, nil}})))
}

type drawn struct {
	A, B string
	M    map[string][]string
	N    []int64
	P    *string
	S    struct {
		X uint8
		Y []bool
	}
}

// TestDigestDrawn draws pairs of commands, of few values.
func TestDigestDrawn(t *testing.T) {
	t.Parallel()
	texts := rapid.SampledFrom([]string{"", "a", "aa", "1:", "s1:a"})
	commands := rapid.Custom(func(t *rapid.T) drawn {
		d := drawn{
			A: texts.Draw(t, "a"), B: texts.Draw(t, "b"), N: rapid.SliceOfN(rapid.Int64Range(-1, 1), 0, 2).Draw(t, "n"),
		}
		d.M = rapid.MapOfN(texts, rapid.SliceOfN(texts, 0, 1), 0, 2).Draw(t, "m")
		if rapid.Bool().Draw(t, "p") {
			d.P = new(texts.Draw(t, "text"))
		}
		d.S.X, d.S.Y = rapid.Uint8Range(0, 1).Draw(t, "x"), rapid.SliceOfN(rapid.Bool(), 0, 1).Draw(t, "y")
		return d
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := commands.Draw(t, "one"), commands.Draw(t, "other")
		require.Equal(t, equal(a, b), digest(t, a) == digest(t, b))
		require.Equal(t, digest(t, a), digest(t, a))
	})
}

// equal compares commands as digests do: an empty list is none.
func equal(a, b drawn) bool {
	for _, d := range []*drawn{&a, &b} {
		if len(d.M) == 0 {
			d.M = nil
		}
		for k, v := range d.M {
			if len(v) == 0 {
				d.M[k] = nil
			}
		}
		if len(d.N) == 0 {
			d.N = nil
		}
		if len(d.S.Y) == 0 {
			d.S.Y = nil
		}
	}
	return reflect.DeepEqual(a, b)
}
