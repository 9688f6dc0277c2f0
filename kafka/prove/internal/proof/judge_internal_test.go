package proof

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// If the checker did not finish with a history, that is no violation and no proof. The verdict
// keeps it apart, unless another try decides.
func TestUndecidedIsNoViolation(t *testing.T) {
	found := 0
	v := newVerdict(time.Time{}, func() { found++ })
	undecided := func(stream string) []history.Violation {
		return []history.Violation{{Rule: history.RuleUndecided, Stream: stream}}
	}
	v.judged("a", undecided("a"))
	v.judged("b", undecided("b"))
	require.Equal(t, append(undecided("a"), undecided("b")...), v.open())
	v.judged("a", nil)
	require.Equal(t, undecided("b"), v.open())
	require.False(t, v.any())
	require.Zero(t, found)

	wrong := history.Violation{Rule: history.RuleStored, Stream: "b"}
	v.judged("b", append(undecided("b"), wrong))
	require.Equal(t, []history.Violation{wrong}, v.violations)
	require.Equal(t, undecided("b"), v.open())
	require.Equal(t, 1, found)
}
