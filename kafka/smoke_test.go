package kafka_test

import (
	"context"
	"testing"
	"time"
	"fmt"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

func TestSmoke(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	defer c.Close()
	cfg := kafka.Config{Brokers: c.ListenAddrs(), Categories: []kafka.Category{{Type: "Account", Partitions: 3}}}
	ctx := t.Context()
	st, err := kafka.CreateTopics(ctx, cfg)
	require.NoError(t, err)
	fmt.Println(st)
	st, err = kafka.CheckTopics(ctx, cfg)
	require.NoError(t, err)
	for _, s := range st { fmt.Println(s.Name, s.Differences) }
	s, err := kafka.Open(ctx, cfg)
	require.NoError(t, err)
	defer s.Close()
	rec := func(i int) eventstore.Record {
		return eventstore.Record{Header: event.Header{ID: fmt.Sprint("e", i), Type: "X", Revision: 1, Timestamp: time.Now()}, Value: []byte("v")}
	}
	r, err := s.Append(ctx, eventstore.Stream{"Account", "a"}, 0, rec(1), rec(2))
	require.NoError(t, err)
	fmt.Printf("%+v\n", r)
	s2, err := kafka.Open(ctx, cfg)
	require.NoError(t, err)
	defer s2.Close()
	for r, err := range s2.ReadStream(ctx, eventstore.Stream{"Account", "a"}, 1) {
		require.NoError(t, err)
		fmt.Printf("%+v\n", r)
	}
	_, err = s.Append(ctx, eventstore.Stream{"Account", "a"}, 2, rec(3))
	fmt.Println(err)
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	_, err = s2.Append(ctx, eventstore.Stream{"Account", "a"}, 2, rec(3))
	require.NoError(t, err)
	_ = context.Background
}
