package registry_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestDeploy(t *testing.T) {
	t.Parallel()
	m := registry.NewMemory()
	deploy := func(files map[string]string, typ event.Type) ([]schema.Registered, error) {
		return registry.Deploy(t.Context(), m, tree(files), []event.Type{typ}, change.FullTransitive,
			schema.Config{Prefix: "staging"})
	}
	const subject = "staging.account.events-billing.account.Thing"
	for range 2 {
		done, err := deploy(map[string]string{"Thing.avsc": v1, "released/Thing.v1.avsc": v1}, typeOf[a]("Thing"))
		require.NoError(t, err)
		require.Equal(t, subject, done[0].Subject)
		require.Equal(t, 1, done[0].Version)
	}
	for name, test := range map[string]struct {
		files map[string]string
		says  []string
	}{
		"not released": {
			map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1},
			[]string{"copy it to released/Thing.v2.avsc"},
		},
		"not compatible": {
			map[string]string{"Thing.avsc": v3, "released/Thing.v1.avsc": v1},
			[]string{"not FULL_TRANSITIVE", "copy it to"},
		},
		"misnamed": {
			map[string]string{"Thing.avsc": v2, "released/Thing.avsc": v1},
			[]string{"released/Thing.avsc"},
		},
		"another registered": {
			map[string]string{"Thing.avsc": v3, "released/Thing.v1.avsc": v3},
			[]string{`cannot read what version 1 wrote`},
		},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // they share the registry
			done, err := deploy(test.files, typeOf[ab]("Thing"))
			require.Empty(t, done)
			for _, says := range test.says {
				require.ErrorContains(t, err, says)
			}
			versions, err := m.Versions(t.Context(), subject)
			require.NoError(t, err)
			require.Len(t, versions, 1, "nothing is registered")
		})
	}
	done, err := deploy(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2},
		typeOf[ab]("Thing"))
	require.NoError(t, err)
	require.Equal(t, 2, done[0].Version)
}
