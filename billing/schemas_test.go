package billing_test

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/schema/change"
	"github.com/fencelog/fencelog/schema/schematest"
)

// A change of a schema breaks neither today's programs, which read what was ever stored, nor those
// of former releases, which run beside them while they are deployed.
func TestSchemasAreCompatible(t *testing.T) {
	t.Parallel()
	schematest.Compatible(t, billing.Schemas(), change.FullTransitive)
}

func TestSchemasAreReleased(t *testing.T) {
	t.Parallel()
	schematest.Released(t, billing.Schemas())
}

// Each aggregate type keeps bytes of what it released beside its package, where its own test loads
// them.
func TestEveryReleasedSchemaHasGoldenBytes(t *testing.T) {
	t.Parallel()
	checked := 0
	for aggregate, files := range billing.Schemas() {
		released, err := fs.Glob(files, "released/*.avsc")
		require.NoError(t, err)
		require.NotEmpty(t, released, aggregate)
		for _, file := range released {
			name := strings.TrimSuffix(path.Base(file), ".avsc") + ".hex"
			require.FileExists(t, filepath.Join(strings.ToLower(aggregate), "testdata", "golden", name))
			checked++
		}
	}
	require.Positive(t, checked)
}
