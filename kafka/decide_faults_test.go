package kafka_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// plague makes the brokers fail produces at random, in every way that a store survives. It also
// makes them refuse some for good.
func plague(c *kfake.Cluster, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0)) // only the fake brokers' goroutine uses it
	for _, f := range []struct {
		err  *kerr.Error
		once int // one of so many requests fails
	}{
		{kerr.RequestTimedOut, 20}, // stored all the same
		{kerr.NotEnoughReplicas, 20},
		{kerr.OutOfOrderSequenceNumber, 40}, // the claim is renewed
		{kerr.TopicAuthorizationFailed, 12},
	} {
		c.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Err: f.err, Count: -1,
			When: func(kmsg.Request) bool { return rng.IntN(f.once) == 0 },
		})
	}
}

// told is what a client was told, and about what.
type told struct {
	stream string
	seen   []string // event ids that it decided on; nil if it did not look
	commit []string // ids of its records; none if it only read
	answer
}

// Clients decide on what is queued while others append without looking, callers leave and brokers
// fail. Each stored commit stands right behind the events that it was decided on. All that clients
// were told is true.
func TestDecide_underFaults(t *testing.T) {
	const clients, operations, streams = 12, 80, 2
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c, cfg := fake(t)
	s := open(t, cfg)
	plague(c, seed)
	var group sync.WaitGroup
	var all [clients][]told
	for n := range clients {
		rng := rand.New(rand.NewPCG(seed, uint64(n+1)))
		group.Go(func() {
			var commands []string
			before := make(map[string]readBefore)
			for i := range operations {
				command := ""
				switch rng.IntN(6) {
				case 0:
					command = fmt.Sprintf("%d-%d", n, i)
					commands = append(commands, command)
				case 1:
					if len(commands) > 0 {
						command = commands[rng.IntN(len(commands))]
					}
				}
				all[n] = append(all[n], operate(t, s, rng, named("s", rng.IntN(streams)), command, before))
			}
		})
	}
	group.Wait()
	require.NoError(t, s.Close())
	judge(t, open(t, cfg), slices.Concat(all[:]...))
}

// readBefore is what a client has seen of a stream, and where that ended.
type readBefore struct {
	seen []string
	at   eventstore.Expectation
}

// readOn reads a stream on from where the client has read it before, if it can and wants to.
func readOn(
	ctx context.Context, s *kafka.Store, rng *rand.Rand, id string, before map[string]readBefore,
) (seen []string, at eventstore.Expectation, err error) {
	all, at := s.ReadQueued(ctx, stream(id).At(0))
	if b, ok := before[id]; ok && rng.IntN(3) > 0 {
		on, end := s.ReadQueued(ctx, b.at)
		for _, e := range on {
			err = e
			break
		}
		if !errors.Is(err, eventstore.ErrConflict) { // otherwise it has seen what was not stored in its place
			all, at, seen = on, end, slices.Clone(b.seen)
		}
	}
	for r, err := range all {
		if err != nil {
			return nil, at, err
		}
		if r.AggregateVersion != int64(len(seen)+1) {
			return nil, at, fmt.Errorf("version %d comes behind version %d", r.AggregateVersion, len(seen))
		}
		seen = append(seen, r.ID)
	}
	before[id] = readBefore{seen, at}
	return seen, at, nil
}

// operate appends, or decides, or asks, at random.
func operate(
	t *testing.T, s *kafka.Store, rng *rand.Rand, id, command string, before map[string]readBefore,
) told {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()),
		time.Duration(1+rng.IntN(30))*time.Millisecond)
	defer cancel()
	o := told{stream: id}
	rs := records(1+rng.IntN(2), command)
	if rng.IntN(5) == 0 {
		o.commit = idsOf(rs)
		o.Result, o.err = s.Append(ctx, eventstore.To(stream(id), eventstore.Any, rs...))
		return o
	}
	seen, at, err := readOn(ctx, s, rng, id, before)
	if err != nil {
		o.err = err
		return o
	}
	o.seen = append([]string{}, seen...)
	tip := queuedTip{s, at}
	if rng.IntN(4) == 0 {
		o.err = tip.Await(ctx)
		return o
	}
	o.commit = idsOf(rs)
	o.Result, o.err = tip.Append(ctx, rs...)
	return o
}

// judge compares what clients were told with what is stored.
func judge(t *testing.T, s *kafka.Store, all []told) {
	stored := make(map[string][]string)
	decided, refused := 0, 0
	for _, o := range all {
		if stored[o.stream] == nil {
			stored[o.stream] = ids(t, s, o.stream)
		}
		log := stored[o.stream]
		at := -1
		if len(o.commit) > 0 {
			at = slices.Index(log, o.commit[0])
		}
		switch {
		case o.err == nil && o.commit == nil, o.err == nil && at >= 0:
			before := log[:max(at, 0)]
			if at < 0 {
				before = log[:min(len(o.seen), len(log))]
			}
			if o.seen != nil {
				require.Equal(t, o.seen, before, "what was decided on is what is stored before it")
				decided++
			}
			if at >= 0 {
				require.Equal(t, o.commit, log[at:at+len(o.commit)])
				require.Equal(t, int64(at+1), o.First())
			}
		case o.err == nil:
			require.True(t, o.Repeated)
			require.LessOrEqual(t, o.Last(), int64(len(log)))
		case errors.Is(o.err, eventstore.ErrOutcomeUnknown):
			if at >= 0 && o.seen != nil {
				require.Equal(t, o.seen, log[:at])
			}
		default:
			require.Negative(t, at, "stored, though its caller was told %v", o.err)
			refused++
		}
	}
	require.Positive(t, decided)
	require.Positive(t, refused)
}

// counted is an aggregate each of whose events has its number.
type counted struct {
	Number int
}

type tick struct{ Number int }

func (tick) EventType() string  { return "Ticked" }
func (e tick) Apply(c *counted) { c.Number++ }

// Updates through a repository have the same effect as if they came one after the other, also under
// faults. Each event was decided on all events before it. Each command was handled once. A refusal
// is told only if it is true of what is stored.
func TestUpdate_underFaults(t *testing.T) {
	const clients, commands, limit = 12, 15, 100
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c, cfg := fake(t)
	s := open(t, cfg)
	counters := aggregate.NewType[counted](category, tick{})
	repository := func(s *kafka.Store) *aggregate.Repository[counted] {
		r, err := aggregate.NewRepository(t.Context(), counters, s, plainCodec{}, aggregate.Config{
			Snapshots: aggregate.Snapshots{Every: 9},
		})
		require.NoError(t, err)
		return r
	}
	r := repository(s)
	plague(c, seed)
	full := errors.New("full")
	var group sync.WaitGroup
	var mu sync.Mutex
	handled := make(map[string]int)
	for n := range clients {
		rng := rand.New(rand.NewPCG(seed, uint64(n+1)))
		group.Go(func() {
			for i := range commands {
				command := fmt.Sprintf("%d-%d", n, i)
				for attempt := 1; ; attempt++ { // until the outcome is known, with ever more patience
					patience := time.Duration(attempt*(1+rng.IntN(50))) * time.Millisecond
					ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
					_, err := r.Update(event.WithCause(ctx, event.Cause{CommandID: command}),
						"n", func(c counted) ([]aggregate.Event[counted], error) {
							if c.Number >= limit {
								return nil, full
							}
							return []aggregate.Event[counted]{tick{Number: c.Number + 1}}, nil
						})
					cancel()
					if err == nil || errors.Is(err, full) {
						mu.Lock()
						if err == nil {
							handled[command]++
						} else if stored, e := r.Load(t.Context(), "n"); e != nil || stored.State().Number < limit {
							t.Errorf("refused, and %d are stored: %v", stored.State().Number, e)
						}
						mu.Unlock()
						break
					}
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, s.Close())
	number := 0
	for e, err := range repository(open(t, cfg)).History(t.Context(), "n", 1) {
		require.NoError(t, err)
		number++
		require.Len(t, e.Events, 1)
		require.Equal(t, tick{Number: number}, e.Events[0])
		require.Equal(t, 1, handled[e.CommandID], "command %s", e.CommandID)
		delete(handled, e.CommandID)
	}
	require.Equal(t, limit, number)
	require.Empty(t, handled)
}

// plainCodec encodes as JSON.
type plainCodec struct{}

func (plainCodec) Bind(context.Context, []event.Type) error { return nil }

func (plainCodec) Encode(_ context.Context, _ event.Type, e any) ([]byte, int, error) {
	value, err := json.Marshal(e)
	return value, 1, err
}

func (plainCodec) Decode(_ context.Context, _ event.Type, value []byte, into any) error {
	return json.Unmarshal(value, into)
}
