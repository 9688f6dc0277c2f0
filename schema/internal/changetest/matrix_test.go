package changetest_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/hamba"
	"github.com/fencelog/fencelog/schema/internal/changetest"
)

func TestMain(m *testing.M) {
	// Sarama, with which a test cluster is watched, starts one goroutine a process that cannot be
	// ended.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

const (
	// envShare chooses which of the cells a run takes. With n it takes every n-th; with 1 it takes
	// all, in minutes.
	envShare     = "FENCELOG_CHANGES_SHARE"
	defaultShare = 17 // prime, as cells that belong together come in twelves
)

func share(t *testing.T) int {
	t.Helper()
	if text := os.Getenv(envShare); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, envShare)
		return n
	}
	return defaultShare
}

// directions are those of a level: the new schema reads what the old one wrote, or the other way
// round.
var directions = [...]bool{false, true}

// tally is what became of the cells, by direction.
type tally struct {
	passed, refused, unsupported, unbound, values int
}

// matrix holds the gate for an engine against the engine.
type matrix struct {
	engine   schema.Engine
	programs *changetest.Programs
	tally    tally
}

func newMatrix(e schema.Engine) *matrix {
	return &matrix{engine: e, programs: changetest.NewPrograms(e)}
}

// If a change passes the gate, its values are read without an error and unchanged, with each
// engine, in each direction that the level promises.
func TestGateAgreesWithEngines(t *testing.T) {
	t.Parallel()
	every := share(t)
	plain, other := newMatrix(schema.Twmb{}), newMatrix(hamba.Engine{})
	cells := changetest.Cells()
	taken := 0
	for i := 0; i < len(cells); i += every {
		taken++
		c := cells[i]
		refused := plain.run(t, c)
		if refused[0] && refused[1] {
			continue // by rules, which are the same for every engine
		}
		other.run(t, c)
		if taken%10 == 0 {
			checkLevels(t, c, refused)
		}
	}
	t.Logf("%d of %d cells; twmb %+v; hamba %+v", taken, len(cells), plain.tally, other.tally)
	for _, m := range []*matrix{plain, other} {
		require.Greater(t, m.tally.passed, taken/4, "the cells are of no use")
		require.Greater(t, m.tally.values, taken)
	}
	require.Greater(t, plain.tally.refused, taken/4)
	require.Zero(t, plain.tally.unsupported)
	require.Positive(t, other.tally.unsupported)
}

// run returns which directions the gate refuses, and checks those that it does not.
func (m *matrix) run(t *testing.T, c changetest.Cell) (refused [2]bool) {
	t.Helper()
	refused, unsupported := judged(t, c.Check(t.Context(), m.engine, change.Full))
	if unsupported {
		m.tally.unsupported++
	}
	for i, forward := range directions {
		if refused[i] {
			m.tally.refused++
			continue
		}
		m.tally.passed++
		read := c.Read(t.Context(), m.programs, forward)
		m.tally.values += read.Values
		if read.Unbound != nil {
			m.tally.unbound++
			if !errors.Is(read.Unbound, changetest.ErrNoGoType) {
				require.ErrorIs(t, read.Unbound, schema.ErrUnsupported, c.Name())
			}
		}
		if read.Failed != nil {
			t.Errorf("%T, %s, forward %t: it passes the gate\n\told %s\n\tnew %s\n\t%v", m.engine, c.Name(), forward,
				c.Old(), c.New(), read.Failed)
		}
	}
	return refused
}

// judged returns which directions an answer of the gate at level Full refuses, and whether that is
// for the engine alone.
func judged(t *testing.T, err error) (refused [2]bool, unsupported bool) {
	t.Helper()
	if err == nil {
		return refused, false
	}
	// A renamed event is also compared with the releases under its former name. Then there are two
	// errors.
	for _, e := range flatten(err) {
		var incompatible *change.IncompatibleError
		require.ErrorAs(t, e, &incompatible)
		for _, found := range incompatible.Found {
			switch {
			case found.Rule == change.RuleMissingRecord:
				return [2]bool{true, true}, false
			case found.Reader == "version 1":
				refused[1] = true
			default:
				refused[0] = true
			}
			unsupported = unsupported || found.Rule == change.RuleEngine
		}
	}
	return refused, unsupported
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if inner := errors.Unwrap(err); inner != nil && !errors.As(err, new(*change.IncompatibleError)) {
		return flatten(inner)
	}
	var incompatible *change.IncompatibleError
	if errors.As(err, &incompatible) {
		return []error{incompatible}
	}
	return []error{err}
}

// checkLevels checks that every level refuses the directions that it is about, and no other.
func checkLevels(t *testing.T, c changetest.Cell, refused [2]bool) {
	t.Helper()
	want := map[change.Compatibility]bool{
		// a record without a file, at every level
		change.None:     errors.Is(c.Check(t.Context(), schema.Twmb{}, change.None), schema.ErrIncompatible),
		change.Backward: refused[0], change.BackwardTransitive: refused[0],
		change.Forward: refused[1], change.ForwardTransitive: refused[1],
		change.Full: refused[0] || refused[1], change.FullTransitive: refused[0] || refused[1],
	}
	got := make(map[change.Compatibility]bool)
	for level := range want {
		got[level] = c.Check(t.Context(), schema.Twmb{}, level) != nil
	}
	require.True(t, maps.Equal(want, got), "%s: found %v, expected %v", c.Name(), got, want)
}

// With several versions a level is about the latest, and a transitive one about each of them.
func TestLevelsOfChains(t *testing.T) {
	t.Parallel()
	var versions []string
	for _, c := range changetest.Cells() {
		if c.Place == "the event" && !slices.Contains(versions, c.Old()) {
			versions = append(versions, c.Old())
		}
		if len(versions) == 64 {
			break
		}
	}
	passed := 0
	for i, next := range versions {
		for _, step := range []int{1, 2, 5, 11} {
			first, second := versions[(i+step)%len(versions)], versions[(i+2*step)%len(versions)]
			pair := func(level change.Compatibility, released ...string) bool {
				var all []schema.Registered
				for number, text := range released {
					all = append(all, schema.Registered{Subject: "s", Version: number + 1, Text: text})
				}
				return level.Check("next", next, all) == nil
			}
			for _, levels := range [][2]change.Compatibility{
				{change.Backward, change.BackwardTransitive},
				{change.Forward, change.ForwardTransitive},
				{change.Full, change.FullTransitive},
			} {
				require.Equal(t, pair(levels[0], second), pair(levels[0], first, second))
				both := pair(levels[0], first) && pair(levels[0], second)
				require.Equal(t, both, pair(levels[1], first, second))
				if both {
					passed++
				}
			}
		}
	}
	require.Positive(t, passed)
}
