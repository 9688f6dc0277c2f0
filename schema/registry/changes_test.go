package registry_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/internal/sampletest"
	"github.com/fencelog/fencelog/schema/registry"
)

// testChanges checks that a registry answers as the table says, except for those that differ, by
// "name LEVEL".
func testChanges(t *testing.T, r registry.Registry, prefix string, differ map[string]string) {
	t.Helper()
	found := make(map[string]string)
	for _, c := range sampletest.Changes() {
		for level, reason := range map[change.Compatibility]string{
			change.Backward: c.Backward,
			change.Forward:  c.Forward,
		} {
			subject := prefix + "-" + c.Name + "-" + string(level)
			require.NoError(t, r.SetCompatibility(t.Context(), subject, level))
			_, err := r.Register(t.Context(), subject, c.Old)
			require.NoError(t, err, subject)
			_, err = r.Register(t.Context(), subject, c.Next)
			want, got := answer(nil), answer(err)
			if reason != "" && !c.AvroAllows(reason) {
				want = answer(schema.ErrIncompatible)
			}
			if got != want {
				found[c.Name+" "+string(level)] = got
			}
		}
	}
	require.Equal(t, differ, found)
}

func answer(err error) string {
	switch {
	case err == nil:
		return "takes it"
	case errors.Is(err, schema.ErrIncompatible):
		return "incompatible"
	case errors.Is(err, schema.ErrInvalidSchema):
		return "invalid"
	}
	return err.Error()
}
