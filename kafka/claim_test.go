package kafka_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
