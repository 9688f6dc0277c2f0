package registry_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/registry"
)

// DeployFiles registers what Deploy would, and needs no Go type for it.
func TestDeployFiles(t *testing.T) {
	t.Parallel()
	files := tree(map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1, "released/Thing.v2.avsc": v2})
	m, cfg := registry.NewMemory(), schema.Config{Prefix: "staging"}
	all, err := registry.Files(files, cfg)
	require.NoError(t, err)
	require.Equal(t, []schema.File{{
		Type: event.Type{Category: "Account", Name: "Thing"}, Subject: "staging.account.events-billing.account.Thing",
		Text: v2, Released: []string{v1, v2},
	}}, all)
	for range 2 {
		done, err := registry.DeployFiles(t.Context(), m, files, change.FullTransitive, cfg)
		require.NoError(t, err)
		require.Equal(t, all[0].Subject, done[0].Subject)
		require.Equal(t, 2, done[0].Version)
	}
	done, err := registry.Deploy(t.Context(), m, files, []event.Type{typeOf[ab]("Thing")}, change.FullTransitive, cfg)
	require.NoError(t, err)
	require.Equal(t, 2, done[0].Version)
}

func TestDeployFilesRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"not released": {
			map[string]string{"Thing.avsc": v2, "released/Thing.v1.avsc": v1},
			"copy it to released/Thing.v2.avsc",
		},
		"no schema": {map[string]string{"Thing.avsc": "{"}, "Thing.avsc of Account: schema invalid"},
		"another record": {
			map[string]string{"Other.avsc": v1},
			`Other.avsc of Account: schema invalid: found a record named "Thing"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := registry.NewMemory()
			_, err := registry.DeployFiles(t.Context(), m, tree(c.files), change.FullTransitive, schema.Config{})
			require.ErrorContains(t, err, c.says)
			subjects, err := m.Subjects(t.Context())
			require.NoError(t, err)
			require.Empty(t, subjects, "nothing is registered")
		})
	}
}
