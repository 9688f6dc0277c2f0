package event_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
)

func TestTypes(t *testing.T) {
	t.Parallel()
	all := types(t)
	got, ok := all.Named("Account", "AccountOpened")
	require.True(t, ok)
	require.Equal(t, reflect.TypeFor[opened](), got.Go)
	got, ok = all.Of(reflect.TypeFor[credited]())
	require.True(t, ok)
	require.Equal(t, "AccountCredited", got.Name)
	for _, name := range [][2]string{{"Account", "accountOpened"}, {"Transaction", "AccountOpened"}, {"", ""}} {
		_, ok = all.Named(name[0], name[1])
		require.False(t, ok, name)
	}
	_, ok = all.Of(reflect.TypeFor[*opened]())
	require.False(t, ok)
	_, ok = all.Of(nil)
	require.False(t, ok)
	names := make([]string, 0, 2)
	for _, typ := range all.All() {
		names = append(names, typ.Name)
	}
	require.Equal(t, []string{"AccountCredited", "AccountOpened"}, names,
		"by name, not by the order in which they were given")
}

func TestTypesOfSeveralCategories(t *testing.T) {
	t.Parallel()
	all, err := event.NewTypes(
		event.Type{Category: "Transaction", Name: "Opened", Go: reflect.TypeFor[credited]()},
		event.Type{Category: "Account", Name: "Opened", Go: reflect.TypeFor[opened]()},
	)
	require.NoError(t, err, "a name is unique within its category only")
	require.Equal(t, "Account", all.All()[0].Category)
}

func TestTypesEmpty(t *testing.T) {
	t.Parallel()
	empty, err := event.NewTypes()
	require.NoError(t, err)
	for _, all := range []*event.Types{nil, empty} {
		require.Empty(t, all.All())
		_, ok := all.Named("Account", "AccountOpened")
		require.False(t, ok)
		_, ok = all.Of(reflect.TypeFor[opened]())
		require.False(t, ok)
	}
}

func TestNewTypesMistakes(t *testing.T) {
	t.Parallel()
	all, err := event.NewTypes(
		event.Type{Category: "Account", Name: "Opened", Go: reflect.TypeFor[opened]()},
		event.Type{Category: "Account", Name: "NoType"},
		event.Type{Category: "Account", Name: "Pointer", Go: reflect.TypeFor[*credited]()},
		event.Type{Category: "Account", Go: reflect.TypeFor[unnamed]()},
		event.Type{Name: "Orphan", Go: reflect.TypeFor[unnamed]()},
		event.Type{Category: "Account", Name: "Opened", Go: reflect.TypeFor[credited]()},
		event.Type{Category: "Account", Name: "OpenedAgain", Go: reflect.TypeFor[opened]()},
	)
	require.Nil(t, all)
	for _, want := range []string{
		"event type Account.NoType: no Go type given",
		"event type Account.Pointer: *event_test.credited is a ptr",
		`event type event_test.unnamed: category "Account", event type ""`,
		`event type event_test.unnamed: category "", event type "Orphan"`,
		"event type Account.Opened: the name is given to both event_test.opened and event_test.credited",
		"event type event_test.opened: has two names, Account.Opened and Account.OpenedAgain",
	} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 6)
}
