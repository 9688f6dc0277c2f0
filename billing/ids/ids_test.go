package ids_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing/ids"
)

func TestRules(t *testing.T) {
	t.Parallel()
	const (
		none    = 0
		account = 1
		both    = 2
	)
	long := strings.Repeat("x", ids.MaxLength)
	for id, want := range map[string]int{
		"alice": both, "a": both, "A-b_c.d:e@f9": both, "...a": both, "a..": both, "-": both, ":": both, long: both,
		"null": both, "acme/alice": account, "a/b": account, "a../..b": account, long[2:] + "/x": account,
		"": none, ".": none, "..": none, "...": none, "/": none, "//": none, "a/": none, "/a": none, "a//b": none,
		"a/b/c": none, "acme/.": none, "../alice": none, long + "x": none, long[1:] + "/x": none,
		strings.Repeat("x", 300): none,
		"a b":                    none, " a": none, "a ": none, "a\x00": none, "\x00": none, "a\nb": none, "a\n": none, "\na": none,
		"a\r": none, "\xff": none,
		"ü": none, "a\u0301": none, "ａ": none, "a%2Fb": none, "a\\b": none, "a?b": none, "a#b": none, "a+b": none,
		"a,b": none, "\u202ea": none,
		"a\u2028": none, "\ufeffa": none, "\u212a": none, "\u0131": none, `"`: none, "'": none, "<": none, "~": none,
		"{}": none, "*": none,
	} {
		for field, c := range map[string]struct {
			check func(field, id string) error
			ok    bool
		}{
			"transactionId": {ids.CheckName, want == both},
			"accountId":     {ids.CheckAccount, want != none},
		} {
			err := c.check(field, id)
			if c.ok {
				require.NoError(t, err, "%s %q", field, id)
				continue
			}
			var wrong *ids.Error
			require.ErrorAs(t, err, &wrong, "%s %q", field, id)
			require.ErrorIs(t, err, ids.ErrInvalid)
			require.Equal(t, field, wrong.Field)
			require.Equal(t, id, wrong.Found)
			require.Less(t, len(err.Error()), 1500, "an error is bounded")
		}
	}
}

// The checks refuse every byte beyond the alphabet, wherever it stands.
func TestAlphabet(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:@"
	for b := range 256 {
		in := strings.IndexByte(alphabet, byte(b)) >= 0
		c := string([]byte{byte(b)})
		for _, id := range []string{"x" + c, "x" + c + "x", c + "x"} {
			require.Equal(t, in, ids.CheckName("id", id) == nil, "%q", id)
			between := b == '/' && id == "x/x"
			require.Equal(t, in || between, ids.CheckAccount("id", id) == nil, "%q", id)
		}
	}
}

func TestSystemsNames(t *testing.T) {
	t.Parallel()
	for id, free := range map[string]bool{
		"transit": true, "transit-x": true, "a-transit:x": true, "acme/a-transit:x": true, "Transit:x": true,
		"transit:": false, "transit:acme": false, "acme/transit:other": false, "transit:a/b": false,
	} {
		require.Equal(t, free, ids.CheckFree("accountId", id) == nil, id)
		if !free {
			require.ErrorIs(t, ids.CheckFree("accountId", id), ids.ErrInvalid)
			require.NoError(t, ids.CheckAccount("accountId", id), "it can be looked at")
		}
	}
}
