package proxy_test

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "t"

// through returns a proxy in front of three fake brokers and a client that knows only the proxy.
func through(t *testing.T) (*proxy.Proxy, *kgo.Client) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, topic))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	p, err := proxy.New(t.Context(), c.ListenAddrs())
	require.NoError(t, err)
	t.Cleanup(p.Close)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(p.Brokers()...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeTopics(topic), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }),
	)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return p, client
}

func produce(t *testing.T, client *kgo.Client, partition int32, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, client.ProduceSync(ctx, &kgo.Record{Partition: partition, Value: []byte(value)}).FirstErr())
}

// consume returns the values of the first n records.
func consume(t *testing.T, client *kgo.Client, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(ctx)
		require.NoError(t, ctx.Err())
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func TestClientsKnowOnlyTheProxy(t *testing.T) {
	p, client := through(t)
	for partition := range int32(3) {
		produce(t, client, partition, "value")
	}
	require.Len(t, consume(t, client, 3), 3)
	answer, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.Len(t, answer.Brokers, 3)
	for _, b := range answer.Brokers {
		require.Contains(t, p.Brokers(), net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
}

// The broker has carried out the produce whose answer is lost. The client's idempotent retry makes
// no second copy.
func TestLostAnswers(t *testing.T) {
	p, client := through(t)
	produce(t, client, 0, "first")
	for n := range 3 {
		p.Link(n).Lose(proxy.Loss{Answers: 1})
	}
	produce(t, client, 0, "second")
	lost := 0
	for n := range 3 {
		lost += p.Link(n).Lost(proxy.Anything)
		p.Link(n).Lose(proxy.Loss{})
	}
	require.Equal(t, 1, lost)
	produce(t, client, 0, "third")
	require.Equal(t, []string{"first", "second", "third"}, consume(t, client, 3))
}

// A coordinator has given out a term, and nobody learns it.
func TestLostAnswersOfClaims(t *testing.T) {
	p, client := through(t)
	produce(t, client, 0, "first")
	var noticed atomic.Int32
	for n := range 3 {
		p.Link(n).Lose(proxy.Loss{Answers: 1, To: proxy.Claim, Then: func() { noticed.Add(1) }})
	}
	produce(t, client, 0, "second")
	require.Zero(t, noticed.Load(), "a produce is no claim")
	request := kmsg.NewPtrInitProducerIDRequest()
	request.TransactionalID = kmsg.StringPtr("claim")
	request.TransactionTimeoutMillis = 1000
	answer, err := request.RequestWith(t.Context(), client) // asks again
	require.NoError(t, err)
	require.NotZero(t, answer.ProducerEpoch, "the first term was given out")
	lost := 0
	for n := range 3 {
		lost += p.Link(n).Lost(proxy.Claim)
	}
	require.Equal(t, 1, lost)
	require.Equal(t, int32(1), noticed.Load())
}

func TestHeldFramesArriveLate(t *testing.T) {
	p, client := through(t)
	produce(t, client, 0, "first")
	for name, w := range map[string]proxy.Weather{
		"requests": {HoldRequests: true}, "answers": {HoldAnswers: true},
		"both": {HoldRequests: true, HoldAnswers: true},
	} {
		for n := range 3 {
			p.Link(n).Set(w)
		}
		done := make(chan error, 1)
		client.Produce(t.Context(), &kgo.Record{Value: []byte(name)}, func(_ *kgo.Record, err error) { done <- err })
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case err := <-done:
			t.Fatalf("%s: answered although held: %v", name, err)
		case <-timer.C:
		}
		for n := range 3 {
			p.Link(n).Set(proxy.Weather{})
		}
		require.NoError(t, <-done)
	}
	require.Len(t, consume(t, client, 4), 4)
}

func TestCutRefusedAndDelayed(t *testing.T) {
	p, client := through(t)
	produce(t, client, 0, "first")
	for n := range 3 {
		p.Link(n).Cut()
	}
	produce(t, client, 0, "second")
	for n := range 3 {
		p.Link(n).Set(proxy.Weather{Refuse: true})
		p.Link(n).Cut()
	}
	done := make(chan error, 1)
	client.Produce(t.Context(), &kgo.Record{Value: []byte("third")}, func(_ *kgo.Record, err error) { done <- err })
	for n := range 3 {
		p.Link(n).Set(proxy.Weather{Delay: 20 * time.Millisecond})
	}
	require.NoError(t, <-done)
	begun := time.Now()
	produce(t, client, 0, "fourth")
	require.GreaterOrEqual(t, time.Since(begun), 40*time.Millisecond)
	require.Equal(t, []string{"first", "second", "third", "fourth"}, consume(t, client, 4))
}
