package aggregate_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func TestTypeEvents(t *testing.T) {
	t.Parallel()
	typ := aggregate.NewType("Shop", stocked{}, opened{})
	require.NoError(t, typ.Err())
	require.Equal(t, "Shop", typ.Name())
	require.Equal(t, []event.Type{
		{Category: "Shop", Name: "Opened", Go: reflect.TypeFor[opened]()},
		{Category: "Shop", Name: "Stocked", Go: reflect.TypeFor[stocked]()},
	}, typ.Events())
}

type badName struct{}

func (badName) EventType() string { return "Shop opened!" }
func (badName) Apply(*shop)       {}

type noName struct{}

func (noName) EventType() string { return "" }
func (noName) Apply(*shop)       {}

type number int

func (number) EventType() string { return "Number" }
func (number) Apply(*shop)       {}

func TestNewTypeMistakes(t *testing.T) {
	t.Parallel()
	typ := aggregate.NewType("Coffee shop", badName{}, noName{}, number(1), &stocked{}, nil, opened{}, rebaptized{},
		stocked{}, stocked{})

	err := typ.Err()

	require.ErrorIs(t, err, eventstore.ErrInvalid)
	for _, want := range []string{
		`aggregate type "Coffee shop": `,
		`category: found "Coffee shop", expected a letter, then letters, digits`,
		`name of event aggregate_test.badName: found "Shop opened!", expected a letter, then letters, digits`,
		`name of event aggregate_test.noName: found "", expected a letter`,
		`event aggregate_test.number is a int; an event is a struct, passed by value`,
		`event *aggregate_test.stocked is a ptr; an event is a struct, passed by value`,
		`event 5 is nil`,
		`the name is given to both aggregate_test.opened and aggregate_test.rebaptized`,
		`the name is given to both aggregate_test.stocked and aggregate_test.stocked`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 8, "each mistake is told once:\n%v", err)
}
