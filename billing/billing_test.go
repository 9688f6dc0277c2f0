package billing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
	"github.com/fencelog/fencelog/schema/schematest"
)

// A topic's number of partitions cannot change once it has events.
func TestCategoriesAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	require.Equal(t, []topics.Category{
		{Name: "Account", Partitions: 10},
		{Name: "Transaction", Partitions: 10},
		{Name: "Saga", Partitions: 5},
	}, billing.Categories())
}

func TestEveryEventHasASchemaThatFits(t *testing.T) {
	t.Parallel()
	codec, err := registry.NewCodec(registry.NewMemory(), billing.Schemas(), schema.Config{Prefix: billing.TopicPrefix})
	require.NoError(t, err)
	require.NoError(t, codec.Bind(t.Context(), billing.Events()))
	_, err = event.NewTypes(billing.Events()...)
	require.NoError(t, err)
}

func TestSchemasAreWhatTheGoTypesSay(t *testing.T) {
	t.Parallel()
	schematest.CheckDerived(t, billing.Schemas(), billing.Events())
}

func TestEveryEventBelongsToACategory(t *testing.T) {
	t.Parallel()
	categories := make(map[string]bool)
	for _, c := range billing.Categories() {
		categories[c.Name] = true
	}
	for _, e := range billing.Events() {
		require.True(t, categories[e.Category], "%s.%s", e.Category, e.Name)
	}
}
