package topic_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/topic"
)

// Follow also reads records that another program wrote, even if they come last.
func TestCatchUpWithAForeignRecord(t *testing.T) {
	c, err := kfake.NewCluster(kfake.SeedTopics(2, "events"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("events"))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.ProduceSync(t.Context(), kgo.StringRecord("foreign")).FirstErr())

	tail, err := topic.Follow(t.Context(), c.ListenAddrs(), "events", 2, history.NewLog())
	require.NoError(t, err)
	t.Cleanup(tail.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, tail.CatchUp(ctx))
	require.Len(t, tail.Bad(), 1)
}
