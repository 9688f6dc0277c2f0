//go:build cluster

package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/topics"
)

// forgetful starts brokers with the properties and returns a configuration for them.
func forgetful(t *testing.T, properties map[string]string) kafka.Config {
	t.Helper()
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: kafkatest.ForTest(t,
			kafkatest.Config{Properties: properties}).Brokers()},
		Topics: topics.Config{Categories: []topics.Category{{Name: category, Partitions: 1}}},
		Logger: quiet(),
	}
	create(t, cfg)
	return cfg
}

// The brokers are told to remember for some seconds. They may take forgetTime to forget.
const (
	forgetTime = 30 * time.Second
	forgetPoll = 100 * time.Millisecond
)

// awaitForgottenProducers waits until the leader of the partition remembers no producer.
func awaitForgottenProducers(t *testing.T, cfg kafka.Config) {
	t.Helper()
	client := foreigner(t, cfg)
	require.Eventually(t, func() bool {
		asked := kmsg.NewDescribeProducersRequestTopic()
		asked.Topic, asked.Partitions = topicOf(cfg), []int32{0}
		request := kmsg.NewPtrDescribeProducersRequest()
		request.Topics = append(request.Topics, asked)
		answered, producers := false, 0
		for _, shard := range client.RequestSharded(t.Context(), request) {
			if shard.Err != nil {
				continue
			}
			for _, topic := range shard.Resp.(*kmsg.DescribeProducersResponse).Topics {
				for _, p := range topic.Partitions {
					answered = answered || p.ErrorCode == 0
					producers += len(p.ActiveProducers)
				}
			}
		}
		return answered && producers == 0
	}, forgetTime, forgetPoll, "the leader does not forget its producers")
}

// awaitForgottenTransactionalID waits until the coordinator no longer knows the transactional id of
// the partition.
func awaitForgottenTransactionalID(t *testing.T, cfg kafka.Config) {
	t.Helper()
	client := foreigner(t, cfg)
	require.Eventually(t, func() bool {
		request := kmsg.NewPtrDescribeTransactionsRequest()
		request.TransactionalIDs = []string{fmt.Sprintf("%s.%s.0", kafka.DefaultTransactionalIDPrefix, topicOf(cfg))}
		for _, shard := range client.RequestSharded(t.Context(), request) {
			if shard.Err != nil {
				continue
			}
			for _, state := range shard.Resp.(*kmsg.DescribeTransactionsResponse).TransactionStates {
				if errors.Is(kerr.ErrorForCode(state.ErrorCode), kerr.TransactionalIDNotFound) {
					return true
				}
			}
		}
		return false
	}, forgetTime, forgetPoll, "the coordinator does not forget the transactional id")
}

// openAsleep opens a store that does not notice by itself that it was overtaken.
func openAsleep(t *testing.T, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s, err := claimed(broken.With(t.Context(), broken.Rules{NeverLooks: true}), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// refusedZombie appends to a store that was overtaken, while that store's own index says that all
// is well. It checks that the append is not acknowledged. It also checks that neither the zombie's
// write nor what the zombie did then disturbs the true owner.
func refusedZombie(t *testing.T, cfg kafka.Config, zombie, owner *kafka.Store, stale int64, want []string) {
	t.Helper()
	late := records(2, "late")
	_, err := zombie.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(stale), late...))
	t.Logf("the zombie is told: %v", err)
	require.Error(t, err)
	require.True(t, errors.Is(err, eventstore.ErrNotOwner) || errors.Is(err, eventstore.ErrOutcomeUnknown), "%v", err)

	next := records(1, "")
	r, err := owner.Append(t.Context(), eventstore.To(stream("a"), eventstore.Expected(len(want)), next...))
	require.NoError(t, err)
	require.Equal(t, int64(len(want)+1), r.Last())
	want = append(want, idsOf(next)...)
	require.Equal(t, want, ids(t, owner, "a"))

	_, err = zombie.Append(t.Context(), eventstore.To(stream("a"), eventstore.Any, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner, "it stays lost")
	require.Equal(t, want, ids(t, open(t, cfg), "a"), "as another process reads it")
}

// The zombie sleeps until the brokers have forgotten every epoch, so they accept its batch. It
// finds a gap before its batch, and nobody ever counts the batch.
func TestTakeover_ofAZombieThatTheBrokersForgot(t *testing.T) {
	cfg := forgetful(t, map[string]string{
		"producer.id.expiration.ms": "2000", "producer.id.expiration.check.interval.ms": "200",
	})
	zombie := openAsleep(t, cfg)
	first := records(2, "")
	_, err := zombie.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, first...))
	require.NoError(t, err)
	owner := open(t, cfg)
	second := records(1, "")
	_, err = owner.Append(t.Context(), eventstore.To(stream("a"), 2, second...))
	require.NoError(t, err)
	awaitForgottenProducers(t, cfg)
	refusedZombie(t, cfg, zombie, owner, 2, idsOf(first, second))
	require.Equal(t, int64(2), owner.Skipped(), "what the zombie wrote was accepted")
}

// The coordinator has forgotten the transactional id. So the next claim gets another producer id,
// which fences nobody. Only the marker in the log tells the zombie.
func TestTakeover_afterAnExpiredTransactionalID(t *testing.T) {
	cfg := forgetful(t, map[string]string{
		"transactional.id.expiration.ms":                             "6000",
		"transaction.remove.expired.transaction.cleanup.interval.ms": "200",
	})
	zombie := openAsleep(t, cfg)
	first, second, third := records(2, ""), records(1, ""), records(1, "")
	_, err := zombie.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, first...))
	require.NoError(t, err)
	awaitForgottenTransactionalID(t, cfg)
	_, err = zombie.Append(t.Context(), eventstore.To(stream("a"), 2, second...))
	require.NoError(t, err, "nobody else has claimed the partition: its owner goes on")

	owner := open(t, cfg)
	require.Equal(t, idsOf(first, second), ids(t, owner, "a"))
	_, err = owner.Append(t.Context(), eventstore.To(stream("a"), 3, third...))
	require.NoError(t, err)
	refusedZombie(t, cfg, zombie, owner, 3, idsOf(first, second, third))
}

// apply runs a command against the store that is current, until it is known to be applied. It fails
// if it cannot find that out.
func apply(ctx context.Context, current *atomic.Pointer[kafka.Store], id, command string) error {
	for {
		_, err := current.Load().Append(ctx, eventstore.To(stream(id), eventstore.Any, records(1, command)...))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, eventstore.ErrNotOwner), errors.Is(err, eventstore.ErrOutcomeUnknown),
			errors.Is(err, eventstore.ErrClosed):
			if clock.Wait(ctx, 2*time.Millisecond) != nil { // until another store is current
				return err
			}
		default:
			return err
		}
	}
}

// Every tenth of a second a store begins to take the partition over, even if earlier ones have not
// finished. Meanwhile callers append commands that they repeat until the outcome is known. Each
// command is applied exactly once.
func TestTakeover_tenASecond(t *testing.T) {
	const callers, times, every = 8, 30, 100 * time.Millisecond
	cfg := real(t)
	var current atomic.Pointer[kafka.Store]
	current.Store(open(t, cfg))
	applied := make([]int, callers)
	stop := make(chan struct{})
	var group, openings sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := apply(t.Context(), &current, named("stream", i%2),
					fmt.Sprintf("%d-%d", i, applied[i])); err != nil {
					t.Errorf("caller %d: %v", i, err)
					return
				}
				applied[i]++
			}
		})
	}
	var opened, overtaken atomic.Int64
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	begun := time.Now()
	for range times {
		<-ticker.C
		openings.Go(func() {
			next, err := claimed(t.Context(), cfg)
			if errors.Is(err, eventstore.ErrNotOwner) {
				overtaken.Add(1) // while it was claiming
				return
			}
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			opened.Add(1)
			_ = current.Swap(next).Close()
		})
	}
	openings.Wait()
	t.Logf("%d stores opened and %d overtaken while they did, in %s", opened.Load(), overtaken.Load(),
		time.Since(begun))
	last := open(t, cfg) // after all others, because the callers' last commands need an owner
	_ = current.Swap(last).Close()
	close(stop)
	group.Wait()
	t.Logf("commands applied by each caller: %v", applied)
	require.GreaterOrEqual(t, opened.Load(), int64(2), "the partition was not taken over while callers appended")
	for i, n := range applied {
		require.NotZero(t, n, "caller %d", i)
	}

	commands := make(map[string]int)
	for i := range 2 {
		for r, err := range last.ReadStream(t.Context(), stream(named("stream", i)), 1) {
			require.NoError(t, err)
			commands[r.CommandID]++
		}
	}
	want := make(map[string]int)
	for i, n := range applied {
		for k := range n {
			want[fmt.Sprintf("%d-%d", i, k)] = 1
		}
	}
	require.Equal(t, want, commands)
	require.Zero(t, last.Skipped())
}

// A takeover meets batches at every moment of their flight. The new owner finds all that the old
// one acknowledged, and nothing that the old one refused.
func TestTakeover_whileABatchIsInFlight(t *testing.T) {
	cfg := real(t)
	owner := open(t, cfg)
	for round := range 10 {
		id := named("round", round)
		var mu sync.Mutex
		acknowledged, refused := make(map[string]bool), make(map[string]bool)
		var group sync.WaitGroup
		under := make(chan struct{}, 1)
		for range 8 {
			group.Go(func() {
				for {
					rs := records(2, "")
					_, err := owner.Append(t.Context(), eventstore.To(stream(id), eventstore.Any, rs...))
					mu.Lock()
					if err == nil {
						acknowledged[rs[0].ID] = true
					} else if !errors.Is(err, eventstore.ErrOutcomeUnknown) {
						refused[rs[0].ID] = true
					}
					mu.Unlock()
					if err != nil {
						return
					}
					select {
					case under <- struct{}{}:
					default:
					}
				}
			})
		}
		<-under
		next := open(t, cfg)
		group.Wait()
		found := ids(t, next, id)
		require.Zero(t, len(found)%2, "commits are whole")
		seen := make(map[string]bool)
		for i := 0; i < len(found); i += 2 {
			seen[found[i]] = true
			require.False(t, refused[found[i]], "refused, and stored")
		}
		for first := range acknowledged {
			require.True(t, seen[first], "acknowledged, and not stored")
		}
		require.NoError(t, owner.Close())
		owner = next
	}
	require.Zero(t, owner.Skipped())
}
