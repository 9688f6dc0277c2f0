//go:build bench

package measure_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/bench/internal/measure"
)

// Every case runs, and every contender that appends has stored what was acknowledged. Some cases
// are left out, to save time: they are the cases transfer and bulk with other accounts or lists.
// The test ignores the goals, because other tests run at the same time.
func TestEveryCaseMeasuresAllItsContenders(t *testing.T) {
	all, alike := measure.Cases(), []string{"transfer-ledger", "transfer-hot", "bulk-short"}
	cases := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(alike, name) })
	require.Len(t, cases, len(all)-len(alike))
	report, err := measure.Run(t.Context(), measure.Config{Cases: cases, Quick: true, Rounds: 1, Events: 10_000})
	require.NoError(t, err)
	require.Len(t, report.Tables, len(cases))
	appending := 0
	for _, table := range report.Tables {
		require.NotEmpty(t, table.Goals, table.Case)
		for _, row := range table.Rows {
			require.Len(t, row.Figures[0], report.Rounds, "%s: %s", table.Case, row.Contender)
			require.Positive(t, row.Figures[0][0], "%s: %s", table.Case, row.Contender)
			require.Equal(t, row.Claimed, row.Stored, "%s: %s", table.Case, row.Contender)
			if row.Claimed > 0 {
				appending++
			}
		}
	}
	commands := 3 + 3 + 5 + 4 + 4 + 2
	require.Equal(t, 6+4+2+3+3+commands+1, appending, "contenders of the cases append, bulk, hot, transfer and "+
		"transfer-single, and of the cases of commands, and those who append in the case refusal")

	var out strings.Builder
	report.Print(&out)
	require.Contains(t, out.String(), "goals met")
}

func TestConfigReportsAllMistakes(t *testing.T) {
	_, err := measure.Run(t.Context(), measure.Config{Cases: []string{"nothing"}, Rounds: -1, Events: 5})
	require.ErrorContains(t, err, `"nothing"`)
	require.ErrorContains(t, err, "rounds: found -1")
	require.ErrorContains(t, err, "events: found 5")
}
