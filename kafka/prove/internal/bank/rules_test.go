package bank_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// timesRule is the rule that holds for all topics. Package proof checks it.
const timesRule = "B9"

// PROOF.md says of each rule what it means, by the number of the rule.
func TestEveryRuleIsInTheTableOfTheProof(t *testing.T) {
	page, err := os.ReadFile("../../../PROOF.md")
	require.NoError(t, err)
	source, err := os.ReadFile("check.go")
	require.NoError(t, err)
	var told []string
	for _, row := range regexp.MustCompile(`(?m)^\| (B\d+) \| .+ \|$`).FindAllSubmatch(page, -1) {
		told = append(told, string(row[1]))
	}
	checked := []string{timesRule}
	for _, rule := range regexp.MustCompile(`(?m)^\tRule\w+ *= "(.*)"$`).FindAllSubmatch(source, -1) {
		number := regexp.MustCompile(`^bank (B\d+): `).FindSubmatch(rule[1])
		require.NotNil(t, number, "%s has no number", rule[1])
		require.True(t, bank.IsRule(string(rule[1])))
		checked = append(checked, string(number[1]))
	}
	slices.Sort(told)
	slices.Sort(checked)
	require.Equal(t, slices.Compact(checked), told)
}
