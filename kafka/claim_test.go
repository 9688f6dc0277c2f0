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
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// A claim reads while it asks the coordinator for its marker. So it succeeds even if the answer
// comes only after the partition is read.
func TestClaim_readsWhileTheCoordinatorIsAsked(t *testing.T) {
	c, cfg := fake(t)
	reads := make(chan struct{})
	read := sync.OnceFunc(func() { close(reads) })
	var asked atomic.Bool
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.DropControl()
		asked.Store(true)
		c.SleepControl(func() { <-reads })
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked.Load() { // a store that has claimed nothing fetches, too
			read()
		}
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := claimed(ctx, cfg)
	read() // the brokers cannot be closed while one of them sleeps
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
}

// A store asks for its marker, and is overtaken before it reads on. One fetch brings its marker and
// the other's. It does not wait for its own marker to come again.
func TestClaim_isOvertakenWithBothMarkersInOneFetch(t *testing.T) {
	c, cfg := fake(t)
	loser, winner := openReader(t, cfg), openReader(t, cfg)
	var claims, marked atomic.Int32
	overtakes, reads := make(chan struct{}), make(chan struct{})
	overtake, read := sync.OnceFunc(func() { close(overtakes) }), sync.OnceFunc(func() { close(reads) })
	t.Cleanup(read) // the brokers cannot be closed while one of them sleeps
	c.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		claims.Add(1)
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if claims.Load() > 0 {
			c.SleepControl(func() { <-reads })
		}
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		overtake() // the brokers write each marker before they serve another request
		if marked.Add(1) == 2 {
			read()
		}
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	claimed := make(chan error, 1)
	go func() { claimed <- loser.Claim(ctx) }()
	<-overtakes
	require.NoError(t, winner.Claim(ctx))
	require.NoError(t, <-claimed) // at its own marker the index was exact
	require.Equal(t, int32(2), claims.Load(), "neither was made again")
	_, err := loser.Append(ctx, eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = winner.Append(ctx, eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.NoError(t, err)
}

// The owner of before has lost the partition to a claim, finds no marker of that claim for a
// second, and claims again. In the end the store that was claiming has the partition, and the owner
// of before follows it.
func TestClaim_prevailsOverTheOwnerOfBefore(t *testing.T) {
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
	last := appendWhenOwned(t, before, "a", "").Last()
	again.Store(true)
	winner := <-winners
	_, err := winner.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(last), records(1, "")...))
	require.NoError(t, err)
	_, err = before.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	requireFollows(t, c, before, winner)
}

func TestClaim_atTheSameTime(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	testClaimsAtTheSameTime(t, cfg)
}

// Stores that claim at the same time all succeed, one after the other. In the end one of them owns
// the partition.
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
			switch _, err := s.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...)); {
			case err == nil:
				owners++
			case errors.Is(err, eventstore.ErrNotOwner):
				losers++
			}
		}
		return owners == 1 && losers == len(stores)-1
	}, 30*time.Second, 10*time.Millisecond)
}
