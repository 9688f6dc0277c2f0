//go:build bench

package postgres_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// A list is stored but for the events of versions that are taken, and the answer says which.
func TestTableAppendEach(t *testing.T) {
	table, err := postgres.NewTable(t.Context(), start(t), "test", 1, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, table.Close(context.WithoutCancel(t.Context()))) })
	of := func(stream string, version int64) eventstore.Record {
		return eventstore.Record{Value: []byte("payload"), Header: event.Header{
			ID: "event", Type: "Happened", Revision: 1, Timestamp: clock.Now(),
			AggregateID: stream, AggregateVersion: version,
		}}
	}
	taken := of("b", 1)
	require.NoError(t, table.Append(t.Context(), "b", 1, &taken))
	stored, err := table.AppendEach(t.Context(), []eventstore.Record{of("a", 1), of("b", 1), of("c", 1)})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c"}, stored)
	n, err := table.Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
}
