package eventstore_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/eventstore"
)

// TestExpectedArithmetic subtracts from versions. A version below that of no stream is refused, and
// is never Any.
func TestExpectedArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "version")
		less := rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "less")
		expected := eventstore.Expected(version - less)
		err := check(eventstore.To(stream(), expected, record()))
		if expected >= eventstore.NoStream {
			require.NoError(t, err)
			return
		}
		require.False(t, expected.Met(version), "expected %d", expected)
		var invalid *eventstore.InvalidError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, eventstore.InvalidError{
			Field: "expected version", Found: strconv.FormatInt(int64(expected), 10),
			Want: "Any, NoStream or a version from 1 on",
		}, *invalid)
	})
	require.NoError(t, check(eventstore.To(stream(), eventstore.Any, record())))
}

func TestExpectedMet(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		expected eventstore.Expected
		actual   int64
		met      bool
	}{
		{eventstore.Any, 0, true},
		{eventstore.Any, 7, true},
		{eventstore.NoStream, 0, true},
		{eventstore.NoStream, 1, false},
		{2, 2, true},
		{2, 1, false},
		{2, 3, false},
	} {
		require.Equal(t, x.met, x.expected.Met(x.actual), x)
	}
}
