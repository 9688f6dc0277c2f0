//go:build cluster

package kafka_test

import (
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/storetest"
	"github.com/fencelog/fencelog/kafka/kafkatest"
)

// shared is the one cluster of this test binary. It starts when the first test asks for it.
var shared = kafkatest.NewShared(kafkatest.Config{})

func withCluster(m *testing.M) goleak.TestingM { return shared.Main(m) }

// real returns a configuration for the real brokers, over topics that no other test uses.
func real(t testing.TB) kafka.Config {
	t.Helper()
	return storetest.Real(t, shared.Get(t).Brokers(), 1)
}

// The suite asks the model fewer times than on the fake brokers, unless the caller says how often.
func TestStore_onBrokers(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set("30"))
		t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
	}
	cfg := real(t)
	cfg.IndexDir = t.TempDir()
	conformance(t, cfg)
}

func TestSubscription_suite_onBrokers(t *testing.T) { subscriptions(t, real(t), 3) }

func TestAppend_compressed_onBrokers(t *testing.T) { testCompressions(t, real(t)) }

func TestForeign_writers_onBrokers(t *testing.T) { testForeignWriters(t, real(t)) }

func TestTakeover_onBrokers(t *testing.T) { testTakeover(t, real(t)) }

// An owner that lost its claim learns so from its next renewal, without appending. (The fake
// brokers give a new term also to a producer that asks with an old one.)
func TestIdleOwner_learnsThatItsClaimIsLost_onBrokers(t *testing.T) {
	cfg := real(t)
	cfg.ClaimRenewal = 10 * time.Millisecond
	old := open(t, cfg)
	cfg.ClaimRenewal = 0
	open(t, cfg)
	require.Eventually(t, func() bool {
		// a conflict, as long as it is the owner
		_, err := old.Append(t.Context(), eventstore.To(stream("a"), 1_000_000, records(1, "")...))
		return errors.Is(err, eventstore.ErrNotOwner)
	}, 30*time.Second, 10*time.Millisecond)
}

// The same without a renewal: the owner looks at the partition's end.
func TestIdleOwner_onBrokers(t *testing.T) { testIdleOwner(t, real(t)) }

func TestClaim_atTheSameTime_onBrokers(t *testing.T) { testClaimsAtTheSameTime(t, real(t)) }

// A foreign transaction makes an idle owner renew its claim, as the coordinator knows no other
// owner. So its next batch counts at once.
func TestIdleOwner_mendsItsTerm_onBrokers(t *testing.T) {
	cfg := real(t)
	s := open(t, cfg)
	claimed := s.Status()[0].Next
	transactForeign(t, cfg)
	require.Eventually(t, func() bool {
		// two transactions, with a record and a marker each, and the own marker
		return s.Status()[0].Next >= claimed+2*2+1
	}, 30*time.Second, 10*time.Millisecond)
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
	require.Equal(t, int64(2), s.Skipped(), "the foreign records, and not the batch")
}
