package ids_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/billing/ids"
)

// The functions check what the patterns say, which readers of the API's document get.
func TestPatterns(t *testing.T) {
	t.Parallel()
	names, accounts := regexp.MustCompile(ids.NamePattern), regexp.MustCompile(ids.AccountPattern)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(
			rapid.StringMatching(`[.aZ09_:@/-]{0,6}`), rapid.String(), rapid.StringMatching("[ -~]{0,3}"),
		).Draw(t, "id")
		short := len(id) <= ids.MaxLength
		require.Equal(t, short && names.MatchString(id), ids.CheckName("a", id) == nil, "%q", id)
		require.Equal(t, short && accounts.MatchString(id), ids.CheckAccount("a", id) == nil, "%q", id)
	})
}
