package registry_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

// testStrategies checks that a codec registers and finds a schema where each strategy says.
func testStrategies(t *testing.T, r registry.Registry, prefix string) {
	t.Helper()
	const record = "billing.account.AccountCreated"
	types := []event.Type{created()}
	for subject, strategy := range map[string]schema.SubjectStrategy{
		prefix + ".account.events-" + record: nil,
		prefix + ".account.events-value":     schema.TopicNameStrategy,
		record:                               schema.RecordNameStrategy,
	} {
		cfg := schema.Config{Prefix: prefix, Subject: strategy}
		service, err := schema.NewCodec(r, accountSources(), cfg)
		require.NoError(t, err)
		if strategy == nil || subject != record { // which a registry that has run may know already
			err = service.Bind(t.Context(), types)
			require.ErrorIs(t, err, schema.ErrNotFound)
			require.ErrorContains(t, err, subject)
		}
		done, err := registry.Register(t.Context(), r, accountSources(), types, cfg)
		require.NoError(t, err)
		require.Len(t, done, 1)
		require.Equal(t, subject, done[0].Subject)
		require.NoError(t, service.Bind(t.Context(), types))
		value, _, err := service.Encode(t.Context(), created(), exampleCreated())
		require.NoError(t, err)
		var got AccountCreated
		require.NoError(t, service.Decode(t.Context(), created(), value, &got))
		require.Equal(t, exampleCreated(), got)
	}
}

func TestStrategies(t *testing.T) {
	t.Parallel()
	testStrategies(t, registry.NewMemory(), "fencelog")
}

// To TopicNameStrategy two types of events in one topic are two versions of one record. A registry
// refuses that.
func TestTopicNameStrategyIsForOneType(t *testing.T) {
	t.Parallel()
	_, err := registry.Register(t.Context(), registry.NewMemory(), accountSources(),
		[]event.Type{created(), credited()},
		schema.Config{Subject: schema.TopicNameStrategy})
	require.ErrorIs(t, err, schema.ErrIncompatible)
}
