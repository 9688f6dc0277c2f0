package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// A store is overtaken while it reads on to its own marker: one fetch brings both markers. It does not wait for its own
// to come again.
func TestOvertakenBeforeTheOwnMarkerIsRead(t *testing.T) {
	c, cfg := fake(t)
	var winner *kafka.Store
	onFirstFetchOfAClaim(c, func() { c.SleepControl(func() { winner = open(t, cfg) }) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	loser, err := claimed(ctx, cfg)
	if err == nil { // at its own marker the index was exact: the next append tells
		defer loser.Close()
		_, err = loser.Append(ctx, stream("a"), eventstore.NoStream, records(1, "")...)
	}
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = winner.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
	require.NoError(t, err)
}
