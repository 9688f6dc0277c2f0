package kafka_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// onFirstFetchOfAClaim does something when the next claim reads for the first time: a store that has claimed nothing fetches as well.
func onFirstFetchOfAClaim(c *kfake.Cluster, do func()) {
	var claims, done atomic.Bool
	c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		claims.Store(true)
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if claims.Load() && !done.Swap(true) {
			do()
		}
		return nil, nil, false
	})
}

// A claim reads while the coordinator is asked for its marker: an answer that does not come before the partition is read does not
// keep it from succeeding.
func TestClaimReadsWhileTheCoordinatorIsAsked(t *testing.T) {
	c, cfg := fake(t)
	reads := make(chan struct{})
	read := sync.OnceFunc(func() { close(reads) })
	onFirstFetchOfAClaim(c, read)
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		c.SleepControl(func() { <-reads })
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := claimed(ctx, cfg)
	read() // the brokers cannot be closed while one sleeps
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
	require.NoError(t, err)
}

// A store is overtaken before it has read anything since its marker was asked for: the one fetch that brings its marker
// brings the other's as well. It does not wait for its own to come again.
func TestOvertakenWithBothMarkersInOneFetch(t *testing.T) {
	c, cfg := fake(t)
	ends := make(chan struct{})
	end := sync.OnceFunc(func() { close(ends) })
	c.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		end() // this request is served before another's
		return nil, nil, false
	})
	winners := make(chan *kafka.Store, 1)
	onFirstFetchOfAClaim(c, func() {
		c.SleepControl(func() {
			<-ends
			winners <- open(t, cfg)
		})
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	loser, err := claimed(ctx, cfg)
	end()
	require.NoError(t, err) // at its own marker the index was exact
	defer loser.Close()
	_, err = loser.Append(ctx, stream("a"), eventstore.NoStream, records(1, "")...)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = (<-winners).Append(t.Context(), stream("a"), eventstore.NoStream, records(1, "")...)
	require.NoError(t, err)
}

// The owner of before has lost the partition to a claim, finds no marker of it for a second, and claims again. Whoever
// was claiming has the partition in the end, and the owner of before follows it.
func TestClaimPrevailsOverTheOwnerOfBefore(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	before := open(t, cfg)
	var epoch atomic.Int32 // of the winner's first claim
	epoch.Store(-1)
	claims := make(chan struct{})
	var again atomic.Bool // the owner of before has claimed again
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		add := r.(*kmsg.AddPartitionsToTxnRequest)
		if epoch.CompareAndSwap(-1, int32(add.ProducerEpoch)) {
			close(claims)
		}
		if again.Load() || int32(add.ProducerEpoch) != epoch.Load() {
			return nil, nil, false
		}
		partition := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
		partition.ErrorCode = kerr.CoordinatorLoadInProgress.Code
		response := r.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		response.Topics = []kmsg.AddPartitionsToTxnResponseTopic{
			{Topic: topic, Partitions: []kmsg.AddPartitionsToTxnResponseTopicPartition{partition}},
		}
		return response, nil, true
	})
	winners := make(chan *kafka.Store, 1)
	go func() { winners <- open(t, cfg) }()
	<-claims
	last := appendWhenOwned(t, before, "a", "").Last
	again.Store(true)
	winner := <-winners
	_, err := winner.Append(t.Context(), stream("a"), eventstore.Expected(last), records(1, "")...)
	require.NoError(t, err)
	_, err = before.Append(t.Context(), stream("a"), eventstore.Any, records(1, "")...)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	requireFollows(t, c, before, winner)
}

func TestClaimsAtTheSameTime(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	testClaimsAtTheSameTime(t, cfg)
}

// Stores that claim at the same time all succeed, one after the other, and one of them owns the partition in the end.
func testClaimsAtTheSameTime(t *testing.T, cfg kafka.Config) {
	stores := make([]*kafka.Store, 4)
	for i := range stores {
		stores[i] = openReader(t, cfg)
	}
	var claims sync.WaitGroup
	for _, s := range stores {
		claims.Go(func() {
			if err := s.Claim(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	claims.Wait()
	require.Eventually(t, func() bool {
		owners, losers := 0, 0
		for _, s := range stores {
			switch _, err := s.Append(t.Context(), stream("a"), eventstore.Any, records(1, "")...); {
			case err == nil:
				owners++
			case errors.Is(err, eventstore.ErrNotOwner):
				losers++
			}
		}
		return owners == 1 && losers == len(stores)-1
	}, 30*time.Second, 10*time.Millisecond)
}
