package states_test

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/internal/states"
)

type plain struct {
	Name    string
	Numbers [3]int64
	At      time.Time
	From    netip.Addr
	inner   struct{ ok bool }
}

type withMap struct {
	Inner struct{ Lines map[string]int }
}

type withPointer struct{ Limit *int64 }

type cloned struct{ Lines map[string]int }

func (c cloned) Clone() cloned { c.Lines = maps.Clone(c.Lines); return c }

type clonedByPointer struct{ Lines []string }

func (c *clonedByPointer) Clone() clonedByPointer {
	return clonedByPointer{Lines: append([]string(nil), c.Lines...)}
}

type clonesAnother struct{ Lines []string }

func (c clonesAnother) Clone() *clonesAnother { return &c }

// A state that refers to something that can be changed needs a Clone.
func TestKindOf(t *testing.T) {
	t.Parallel()
	flat, err := states.KindOf[plain]()
	require.NoError(t, err)
	require.True(t, flat.Flat())
	clones, err := states.KindOf[cloned]()
	require.NoError(t, err)
	require.False(t, clones.Flat())
	_, err = states.KindOf[clonedByPointer]()
	require.NoError(t, err)
	for _, refused := range []struct {
		err  func() error
		path string
		text string
	}{
		{errOf[withMap], "Inner.Lines", "because its field Inner.Lines is of type map[string]int: " +
			"a copy would share what the map refers to. Give states_test.withMap a method Clone() states_test.withMap"},
		{errOf[withPointer], "Limit", "its field Limit is of type *int64: a copy would share what the pointer refers to"},
		{errOf[clonesAnother], "Lines", "its field Lines is of type []string"},
		{errOf[[2]any], "[0]", "its field [0] is of type interface {}"},
		{errOf[map[string]int], "", "because it is of type map[string]int"},
		{errOf[struct{ f func() }], "f", "its field f is of type func()"},
		{errOf[struct{ c chan int }], "c", "its field c is of type chan int"},
	} {
		err := refused.err()
		var shared *states.SharedError
		require.ErrorAs(t, err, &shared)
		require.Equal(t, refused.path, shared.Path)
		require.ErrorContains(t, err, refused.text)
		require.ErrorContains(t, err, "or set Cache.Off")
	}
}

func errOf[S any]() error {
	_, err := states.KindOf[S]()
	return err
}

// A copy of a state with references is its Clone.
func TestCopy(t *testing.T) {
	t.Parallel()
	k, err := states.KindOf[cloned]()
	require.NoError(t, err)
	given := cloned{Lines: map[string]int{"apple": 1}}
	p := k.NewPoint(given, 3, nil, 0)
	given.Lines["apple"] = 2
	taken, version := k.Of(p)
	require.Equal(t, int64(3), version)
	require.Equal(t, map[string]int{"apple": 1}, taken.Lines)
	taken.Lines["apple"] = 5
	again, _ := k.Of(p)
	require.Equal(t, map[string]int{"apple": 1}, again.Lines)
	none, version := k.Of(nil)
	require.Zero(t, none)
	require.Zero(t, version)
}
