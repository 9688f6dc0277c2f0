//go:build cluster

package kafka_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// A broker reads no request from a client for as long as it is over its quota. That may be longer
// than a broker may take to answer. The client waits, once, and says why.
func TestAppend_overItsQuota(t *testing.T) {
	t.Parallel()
	cfg := real(t)
	const bytesPerSecond = 2_000
	cfg.Connection.ClientID = named("thrifty", 1)
	cfg.Connection.RequestTimeout = 2 * time.Second
	limitRate(t, cfg.Connection.Brokers, cfg.Connection.ClientID, bytesPerSecond)
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := open(t, cfg)
	for version := range int64(2) {
		rs := records(1, "")
		rs[0].Value = make([]byte, 15*bytesPerSecond)
		_, _ = rand.Read(rs[0].Value) // nothing that compresses; never fails
		_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(version), rs...))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	require.Contains(t, log.String(), "over its quota")
	require.NotContains(t, log.String(), "tried again")
}

// limitRate gives the client a quota of bytes that it may write to a broker in a second.
func limitRate(t *testing.T, brokers []string, clientID string, bytesPerSecond float64) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_8_0_0
	admin, err := sarama.NewClusterAdmin(brokers, conf)
	require.NoError(t, err)
	defer admin.Close()
	who := []sarama.QuotaEntityComponent{{
		EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Name: clientID,
	}}
	require.NoError(t, admin.AlterClientQuotas(who,
		sarama.ClientQuotasOp{Key: "producer_byte_rate", Value: bytesPerSecond}, false))
	require.Eventually(t, func() bool {
		found, err := admin.DescribeClientQuotas([]sarama.QuotaFilterComponent{{
			EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Match: clientID,
		}}, true)
		return err == nil && len(found) == 1
	}, 10*time.Second, 10*time.Millisecond)
}
