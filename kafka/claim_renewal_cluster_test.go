//go:build cluster

package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

type rawTransactions struct {
	t     *testing.T
	c     *kgo.Client
	topic string
}

func (r rawTransactions) init(id int64, epoch int16) (int64, int16, error) {
	for {
		q := kmsg.NewPtrInitProducerIDRequest()
		q.TransactionalID, q.TransactionTimeoutMillis, q.ProducerID, q.ProducerEpoch = kmsg.StringPtr("raw"+r.topic),
			60_000, id, epoch
		a, err := q.RequestWith(r.t.Context(), r.c)
		require.NoError(r.t, err)
		if err := kerr.ErrorForCode(a.ErrorCode); err != kerr.ConcurrentTransactions {
			return a.ProducerID, a.ProducerEpoch, err
		}
	}
}

func (r rawTransactions) add(id int64, epoch int16) error {
	for {
		q := kmsg.NewPtrAddPartitionsToTxnRequest()
		q.TransactionalID, q.ProducerID, q.ProducerEpoch = "raw"+r.topic, id, epoch
		q.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: r.topic, Partitions: []int32{0}}}
		a, err := q.RequestWith(r.t.Context(), r.c)
		require.NoError(r.t, err)
		if err := kerr.ErrorForCode(a.Topics[0].Partitions[0].ErrorCode); err != kerr.ConcurrentTransactions {
			return err
		}
	}
}

func (r rawTransactions) end(id int64, epoch int16) error {
	q := kmsg.NewPtrEndTxnRequest()
	q.TransactionalID, q.ProducerID, q.ProducerEpoch, q.Commit = "raw"+r.topic, id, epoch, true
	a, err := q.RequestWith(r.t.Context(), r.c)
	require.NoError(r.t, err)
	return kerr.ErrorForCode(a.ErrorCode)
}

// This shows why an overtaken owner does not renew its claim. It also shows why no owner asks for a
// new term during its own transaction.
func TestRenewal_amidATransaction(t *testing.T) {
	cfg := real(t)
	r := rawTransactions{t, foreigner(t, cfg, kgo.MaxVersions(kversion.V3_5_0())), topicOf(cfg)}
	id, epoch, err := r.init(-1, -1)
	require.NoError(t, err)
	require.NoError(t, r.add(id, epoch))
	_, _, err = r.init(id, epoch)
	t.Logf("a renewal amid the own transaction: %v", err) // 3.5.1 refuses it, 4.3.1 does not

	id, epoch, err = r.init(-1, -1)
	require.NoError(t, err)
	_, later, err := r.init(-1, -1)
	require.NoError(t, err)
	require.NoError(t, r.add(id, later))
	_, _, err = r.init(id, epoch)
	require.ErrorIs(t, err, kerr.ProducerFenced)
	require.ErrorIs(t, r.end(id, later), kerr.ProducerFenced, "it has ended the later claim's transaction")
}
