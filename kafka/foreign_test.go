package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

func writeForeign(t testing.TB, cfg kafka.Config) {
	t.Helper()
	require.NoError(t, foreigner(t, cfg).ProduceSync(t.Context(), garbage(cfg)).FirstErr())
}

// transactForeign commits two transactions with data.
func transactForeign(t testing.TB, cfg kafka.Config, opts ...kgo.Opt) {
	t.Helper()
	c := foreigner(t, cfg, append(opts, kgo.TransactionalID("foreign"))...)
	for range 2 {
		require.NoError(t, c.BeginTransaction())
		require.NoError(t, c.ProduceSync(t.Context(), garbage(cfg)).FirstErr())
		require.NoError(t, c.EndTransaction(t.Context(), kgo.TryCommit))
	}
}

// transactForeignInOneTerm does the same as clients before Kafka 4 do it: the marker of the first
// transaction has the term of the second one's data.
func transactForeignInOneTerm(t testing.TB, cfg kafka.Config) {
	t.Helper()
	transactForeign(t, cfg, kgo.MaxVersions(kversion.V3_5_0()))
}

// testForeignWriters checks that the records of a foreign program never count and never hide what
// the owner writes. Because of them no append is ever acknowledged against a stale version.
func testForeignWriters(t *testing.T, cfg kafka.Config) {
	for name, c := range map[string]struct {
		disturb func(testing.TB, kafka.Config)
		foreign int // records, each time
	}{
		"data":                     {writeForeign, 1},
		"transactions":             {func(t testing.TB, cfg kafka.Config) { transactForeign(t, cfg) }, 2},
		"transactions in one term": {transactForeignInOneTerm, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, cfg)
			before, skipped := recordsIn(t, cfg), s.Skipped()
			id := "foreign " + name
			var want []string
			for i := range 3 {
				rs := records(2, "")
				r, err := s.Append(t.Context(), eventstore.To(stream(id), eventstore.Expected(2*i), rs...))
				require.NoError(t, err)
				require.Equal(t, int64(2*i+2), r.Last())
				want = append(want, idsOf(rs)...)
				if i < 2 {
					c.disturb(t, cfg)
				}
			}
			require.Equal(t, want, ids(t, s, id))
			// If a transaction has ended the owner's term and the owner has not noticed, it writes
			// its batch again.
			written := recordsIn(t, cfg) - before
			require.Equal(t, written-len(want), int(s.Skipped()-skipped), "what is in the log and does not count")
			require.GreaterOrEqual(t, written-len(want), 2*c.foreign)
			require.NoError(t, s.Close())

			again := open(t, cfg)
			require.Equal(t, want, ids(t, again, id))
			_, err := again.Append(t.Context(), eventstore.To(stream(id), 6, records(1, "")...))
			require.NoError(t, err)
		})
	}
}

// recordsIn returns how many records the topic's first partition holds, from any writer, without
// markers.
func recordsIn(t testing.TB, cfg kafka.Config) (n int) {
	t.Helper()
	c := foreigner(t, cfg, kgo.ConsumeTopics(topicOf(cfg)), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(c).ListEndOffsets(t.Context(), topicOf(cfg))
	require.NoError(t, err)
	end, known := ends.Lookup(topicOf(cfg), 0)
	require.True(t, known)
	for next := int64(0); next < end.Offset; {
		fetches := c.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				n++
			}
		})
	}
	return n
}

func TestForeign_writers(t *testing.T) {
	_, cfg := fake(t)
	testForeignWriters(t, cfg)
}

// A producer that is not idempotent, as many are by default, writes without a producer id. Before
// the first claim there is no marker either. Still nothing of it counts: neither garbage, nor
// records that look like events.
func TestForeign_nothingCountsBeforeTheFirstClaim(t *testing.T) {
	_, cfg := fake(t)
	plain := foreigner(t, cfg, kgo.DisableIdempotentWrite())
	require.NoError(t, plain.ProduceSync(t.Context(), garbage(cfg)).FirstErr())
	forged := records(1, "")
	forged[0].Category, forged[0].AggregateID, forged[0].AggregateVersion = category, "a", 1
	forged[0].Commit = eventstore.CommitPart{Index: 1, Size: 1}
	writeBatch(t, cfg, wire.NewBatch(index.NoTerm(), -1, forged))

	s := open(t, cfg)
	require.Empty(t, ids(t, s, "a"))
	require.Equal(t, int64(2), s.Skipped())
	own := records(1, "")
	_, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, own...))
	require.NoError(t, err)
	require.Equal(t, idsOf(own), ids(t, s, "a"))
}
