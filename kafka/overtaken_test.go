package kafka_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// A store is overtaken while it reads on to its own marker: one fetch brings both markers. It does not wait for its own
// to come again.
func TestOvertakenBeforeTheOwnMarkerIsRead(t *testing.T) {
	c, cfg := fake(t)
	var held atomic.Bool
	var winner *kafka.Store
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !held.Swap(true) {
			c.SleepControl(func() { winner = open(t, cfg) })
		}
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	loser, err := kafka.Open(ctx, cfg)
	if err == nil { // at its own marker the index was exact: the next append tells
		defer loser.Close()
		_, err = loser.Append(ctx, stream("a"), eventstore.NoStream, records(1, "")...)
	}
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = winner.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
	require.NoError(t, err)
}
