//go:build cluster

package kafka_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
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
	const bytesPerSecond, commits = 2_000, 5
	cfg.Connection.ClientID = named("thrifty", 1)
	cfg.Connection.RequestTimeout = 2 * time.Second
	limitRate(t, cfg.Connection.Brokers, cfg.Connection.ClientID, bytesPerSecond)
	var log lockedBuffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := open(t, cfg)
	// The broker knows of the quota, and may apply it a moment later.
	for version := int64(0); version < commits && !strings.Contains(log.String(), "over its quota"); version++ {
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

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// limitRate gives the client a quota of bytes that it may write to a broker in a second. It waits
// until all brokers know that.
func limitRate(t *testing.T, addresses []string, clientID string, bytesPerSecond float64) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_8_0_0
	admin, err := sarama.NewClusterAdmin(addresses, conf)
	require.NoError(t, err)
	defer admin.Close()
	require.NoError(t, admin.AlterClientQuotas([]sarama.QuotaEntityComponent{{
		EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Name: clientID,
	}}, sarama.ClientQuotasOp{Key: "producer_byte_rate", Value: bytesPerSecond}, false))
	of := []sarama.QuotaFilterComponent{{
		EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Match: clientID,
	}}
	for _, addr := range addresses {
		b := sarama.NewBroker(addr)
		require.NoError(t, b.Open(conf))
		require.Eventually(t, func() bool {
			r, err := b.DescribeClientQuotas(sarama.NewDescribeClientQuotasRequest(conf.Version, of, true))
			return err == nil && len(r.Entries) == 1
		}, 10*time.Second, 10*time.Millisecond, "broker %s", addr)
		require.NoError(t, b.Close())
	}
}
