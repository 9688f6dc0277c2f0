//go:build !race

// The race detector allocates too, so that this holds without it only.

package schema_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
)

// TestAllocations holds what adr/0001-two-avro-engines.md states.
func TestAllocations(t *testing.T) { //nolint:paralleltest // what others allocate would count
	c, typ := boundCodec(t, schema.Twmb{})
	var e any = exampleCreated()
	const runs, encodes, decodes = 1000, 1, 2
	require.LessOrEqual(t, testing.AllocsPerRun(runs, func() {
		if _, _, err := c.Encode(t.Context(), typ, e); err != nil {
			t.Error(err)
		}
	}), float64(encodes))
	value, _, err := c.Encode(t.Context(), typ, e)
	require.NoError(t, err)
	got := new(AccountCreated)
	require.LessOrEqual(t, testing.AllocsPerRun(runs, func() {
		*got = AccountCreated{}
		if err := c.Decode(t.Context(), typ, value, got); err != nil {
			t.Error(err)
		}
	}), float64(decodes))
}
