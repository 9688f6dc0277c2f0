package damage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/damage"
)

func TestUnknownScenariosAreRefused(t *testing.T) {
	_, err := damage.Run(t.Context(), damage.Config{Names: []string{"flood"}})
	require.ErrorContains(t, err, `found "flood", expected one of disks-restored, compacted`)
	require.NotEmpty(t, damage.Names())
}

func TestAScenarioThatWasNeverPlayedIsNamed(t *testing.T) {
	report := damage.Report{Scenarios: map[string]*damage.Tally{
		"compacted":   {Rounds: 1, Undone: []string{"no leader"}},
		"topic-grown": {Undone: []string{"no leader"}},
	}}
	var text strings.Builder
	report.Print(&text)
	require.Equal(t, []string{"topic-grown"}, report.Unplayed())
	require.Contains(t, text.String(), "Never played, and so not proved: topic-grown\n")
}
