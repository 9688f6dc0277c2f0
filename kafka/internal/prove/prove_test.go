package prove_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/internal/hooks"
	"github.com/fencelog/fencelog/kafka/internal/prove"
)

func TestRunReportsEveryMistakeInTheConfiguration(t *testing.T) {
	_, err := prove.Run(t.Context(), prove.Config{Duration: 1, Workers: 1, Clients: -1})
	for _, want := range []string{"Command is empty", "Duration is 1ns", "Workers is 1", "Clients is -1"} {
		require.ErrorContains(t, err, want)
	}
}

// Each switch that breaks the store has its place in the list of broken stores to catch.
func TestEveryBreakageHasAName(t *testing.T) {
	require.Equal(t, []string{"NoMarkerWait"}, prove.Names(hooks.Broken{NoMarkerWait: true}))
	require.Empty(t, prove.Names(hooks.Broken{}))
	for _, b := range prove.Breakages() {
		found, err := prove.BreakageOf(b.Name)
		require.NoError(t, err)
		require.Equal(t, b, found)
		require.Equal(t, []string{b.Name}, prove.Names(b.Broken))
	}
	_, err := prove.BreakageOf("nothing")
	require.ErrorContains(t, err, "nothing")
}
