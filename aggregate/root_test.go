package aggregate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
)

func TestNew(t *testing.T) {
	t.Parallel()
	root := shops().New("s-1")
	require.Equal(t, "s-1", root.ID())
	require.Zero(t, root.Version())
	require.Zero(t, root.State())
	require.Empty(t, root.Uncommitted())
}

func TestFromEvents(t *testing.T) {
	t.Parallel()
	root := shops().FromEvents("s-1", opened{Owner: "ada"}, stocked{Count: 2}, stocked{Count: 3})
	require.Equal(t, "s-1", root.ID())
	require.EqualValues(t, 3, root.Version())
	require.Equal(t, shop{Owner: "ada", Stock: 5}, root.State())
	require.Empty(t, root.Uncommitted(), "what is stored is not stored again")
}

func TestApply(t *testing.T) {
	t.Parallel()
	root := shops().FromEvents("s-1", opened{Owner: "ada"})
	require.NoError(t, root.Apply(stocked{Count: 2}))
	require.NoError(t, root.Apply(stocked{Count: 3}, stocked{Count: 4}))

	require.EqualValues(t, 4, root.Version())
	require.Equal(t, shop{Owner: "ada", Stock: 9}, root.State())
	want := []shopEvent{stocked{Count: 2}, stocked{Count: 3}, stocked{Count: 4}}
	require.Equal(t, want, root.Uncommitted())

	root.Uncommitted()[0] = stocked{Count: 100}
	require.Equal(t, want, root.Uncommitted(), "the caller has a copy")

	root.Commit()
	require.Empty(t, root.Uncommitted())
	require.EqualValues(t, 4, root.Version())
	require.Equal(t, shop{Owner: "ada", Stock: 9}, root.State())
}

// rebaptized has the Go type of no listed event, but the name of one.
type rebaptized struct{}

func (rebaptized) EventType() string { return "Opened" }
func (rebaptized) Apply(*shop)       {}

func TestApplyUnnamedEvent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		event shopEvent
		want  string
	}{
		{
			"unnamed",
			unnamed{},
			`event aggregate_test.unnamed ("Unnamed") is not among the events of aggregate type "Shop": ` +
				`add it to aggregate.NewType, by value`,
		},
		{"pointer", &stocked{}, `event *aggregate_test.stocked ("") is not among`},
		{"nil pointer", (*stocked)(nil), `event *aggregate_test.stocked ("") is not among`},
		{"nil", nil, `event <nil> ("") is not among`},
		{"name of another", rebaptized{}, `event aggregate_test.rebaptized ("Opened") is not among`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := shops().FromEvents("s-1", opened{Owner: "ada"})

			err := root.Apply(stocked{Count: 1}, tt.event)

			var found *aggregate.UnnamedEventError
			require.ErrorAs(t, err, &found)
			require.Equal(t, "Shop", found.Category)
			require.ErrorContains(t, err, tt.want)
			require.EqualValues(t, 1, root.Version(), "none is applied")
			require.Equal(t, shop{Owner: "ada"}, root.State())
			require.Empty(t, root.Uncommitted())
		})
	}
}

// shifting breaks the rule that all values of an event type have one name.
type shifting struct{ Name string }

func (e shifting) EventType() string { return "Shifting" + e.Name }
func (shifting) Apply(*shop)         {}

func TestApplyChangedName(t *testing.T) {
	t.Parallel()
	typ := aggregate.NewType("Shop", shifting{})
	require.NoError(t, typ.Err())
	require.NoError(t, typ.New("s-1").Apply(shifting{}))
	require.ErrorContains(t, typ.New("s-1").Apply(shifting{Name: "On"}),
		`event aggregate_test.shifting ("ShiftingOn") is not among`)
}
