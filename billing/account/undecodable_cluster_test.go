//go:build cluster

package account_test

import (
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/billing"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
	"github.com/fencelog/fencelog/schema"
	"github.com/fencelog/fencelog/schema/registry"
)

func TestUndecodableEventsInKafkaAreNeverLeftOut(t *testing.T) {
	c := cluster.Get(t)
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.Brokers()},
		Topics:     topics.Config{Categories: billing.Categories(), Prefix: "undecodable-" + uuid.NewString()[:8]},
		Logger:     slog.New(slog.DiscardHandler),
	}
	kafkatest.Topics(t, cfg)
	store, err := kafka.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, store.Claim(t.Context()))
	schemas, err := registry.NewHTTP(c.RegistryURL(), registry.HTTPConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, schemas.Close()) }()
	testUndecodable(t, store, schemas, schema.Config{Prefix: cfg.Topics.Prefix})
}
