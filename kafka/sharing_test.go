package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/topics"
)

// service has the instances of a service, by the addresses that they advertise.
type service struct {
	cfg     kafka.Config
	session time.Duration // of an instance

	mu        sync.Mutex
	instances map[string]*kafka.Store
}

// ownersSession is the session of instances that share the partitions. It is the shortest one that
// brokers allow.
const ownersSession = 6 * time.Second

func newService(cfg kafka.Config, partitions int32) *service {
	cfg.Topics.Categories = []topics.Category{{Name: category, Partitions: partitions}}
	cfg.Topics.Prefix = "shared"
	return &service{cfg: cfg, session: ownersSession, instances: make(map[string]*kafka.Store)}
}

func (s *service) start(t testing.TB, address string) *kafka.Store {
	t.Helper()
	cfg := s.cfg
	cfg.Sharing = kafka.Sharing{Advertise: address, Session: s.session, Heartbeat: 50 * time.Millisecond}
	store := open(t, cfg)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instances[address] = store
	return store
}

func (s *service) stop(t testing.TB, address string) {
	t.Helper()
	s.mu.Lock()
	store := s.instances[address]
	delete(s.instances, address)
	s.mu.Unlock()
	require.NoError(t, store.Close())
}

// some returns any instance.
func (s *service) some() *kafka.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, store := range s.instances {
		return store
	}
	return nil
}

func (s *service) at(address string) *kafka.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[address]
}

// append appends as a caller does that may reach any instance. It goes to the owner that an
// instance names. While the owner changes, it tries again with the same command id.
func (s *service) append(ctx context.Context, id string, rs []eventstore.Record) (eventstore.Result, error) {
	store := s.some()
	for {
		r, err := store.Append(ctx, eventstore.To(stream(id), eventstore.Any, rs...))
		var no *kafka.NotOwnerError
		switch {
		case err == nil:
			return r, nil
		case errors.As(err, &no) && s.at(no.Owner) != nil:
			store = s.at(no.Owner)
		case errors.As(err, &no), errors.Is(err, eventstore.ErrClosed), errors.Is(err, eventstore.ErrOutcomeUnknown):
			if clock.Wait(ctx, 5*time.Millisecond) != nil {
				return r, err
			}
			store = s.some()
		default:
			return r, err
		}
	}
}

// owners returns how many of the streams each instance takes appends for. An instance may be fenced
// while the group shares the partitions anew. Then it names nobody until it has claimed its
// partitions again.
func (s *service) owners(t testing.TB, n int) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for i := range n {
		id := named("probe", i)
		for address, store := range s.instances {
			var err error
			var no *kafka.NotOwnerError
			eventually(t, "it takes the append or names who does", func() bool {
				_, err = store.Append(t.Context(), eventstore.To(stream(id), eventstore.Any, records(1, "")...))
				return !errors.As(err, &no) || no.Owner != ""
			})
			if err == nil {
				found[address]++
				continue
			}
			require.ErrorAs(t, err, &no)
			require.ErrorIs(t, err, eventstore.ErrNotOwner)
			require.Contains(t, s.instances, no.Owner, "an instance that is running is named: %v", err)
			require.NotEqual(t, address, no.Owner)
			require.ErrorContains(t, err, no.Owner)
		}
	}
	return found
}

// Two instances share the partitions. Each appends to its own, and names the other's address for
// the rest. Both read everything.
func TestSharing_dividesThePartitions(t *testing.T) {
	_, cfg := fake(t)
	s := newService(cfg, 8)
	create(t, s.cfg)
	a := s.start(t, "a:1")
	require.Equal(t, map[string]int{"a:1": 20}, s.owners(t, 20), "one instance owns all")

	b := s.start(t, "b:1")
	awaitSharing(t, s, "a:1")
	found := s.owners(t, 20)
	require.Equal(t, 20, found["a:1"]+found["b:1"], "each partition has one owner")
	require.NotZero(t, found["a:1"])
	require.NotZero(t, found["b:1"])

	for i, of := range a.Status() {
		also := b.Status()[i]
		require.NotEqual(t, of.Owned, also.Owned, "partition %d", of.Partition)
		require.Equal(t, of.Owner, also.Owner)
		require.Equal(t, map[bool]string{true: "a:1", false: "b:1"}[of.Owned], of.Owner)
		require.NoError(t, of.Err)
	}

	r, err := s.append(t.Context(), "everywhere", records(3, ""))
	require.NoError(t, err)
	for _, store := range []*kafka.Store{a, b} {
		awaitVersion(t, store, "everywhere", r.Last())
	}
}

// An instance that does not own a stream may not know its newest events. So it decides nothing on
// the stream, not even that a command is refused, and names the owner.
func TestSharing_decisionsAreTheOwners(t *testing.T) {
	_, cfg := fake(t)
	s := newService(cfg, 1)
	create(t, s.cfg)
	owner, other := s.start(t, "a:1"), s.start(t, "b:1") // the one partition stays with its owner
	rs := records(1, "")
	_, err := owner.Append(t.Context(), eventstore.To(stream("s"), eventstore.NoStream, rs...))
	require.NoError(t, err)
	for _, known := range []bool{false, true} {
		if known {
			awaitVersion(t, other, "s", 1)
		}
		requireNoDecision(t, other, "s", eventstore.ErrNotOwner)
		_, tip := readQueued(other, t.Context(), stream("s"), 1)
		var no *kafka.NotOwnerError
		require.ErrorAs(t, tip.Await(t.Context()), &no)
		require.Equal(t, "a:1", no.Owner)
	}
	all, tip := readQueued(owner, t.Context(), stream("s"), 1)
	for r, err := range all {
		require.NoError(t, err)
		require.Equal(t, rs[0].ID, r.ID)
	}
	require.NoError(t, tip.Await(t.Context()))
}

// awaitSharing waits until the instance names another owner. Before that, it has not heard of the
// other instance. It may be fenced before it hears, and then it cannot name anybody.
func awaitSharing(t testing.TB, s *service, address string) {
	t.Helper()
	for i := 0; ; i++ {
		_, err := s.instances[address].Append(t.Context(),
			eventstore.To(stream(named("await", i)), eventstore.Any, records(1, "")...))
		var no *kafka.NotOwnerError
		if errors.As(err, &no) {
			if no.Owner != "" {
				return
			}
			continue
		}
		require.NoError(t, err)
	}
}

// awaitVersion reads the stream until it has the version.
func awaitVersion(t testing.TB, s *kafka.Store, id string, version int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for int64(len(ids(t, s, id))) < version {
		require.NoError(t, clock.Wait(ctx, time.Millisecond))
	}
}

// A store whose partition was taken over follows it.
func TestSharing_overtakenStoreFollows(t *testing.T) {
	_, cfg := fake(t)
	loser := open(t, cfg)
	winner := open(t, cfg)
	_, err := winner.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(3, "")...))
	require.NoError(t, err)
	_, err = loser.Append(t.Context(), eventstore.To(stream("a"), eventstore.NoStream, records(1, "")...))
	require.ErrorIs(t, err, eventstore.ErrNotOwner)
	awaitVersion(t, loser, "a", 3)
}

// Instances come and go while callers append. Nothing that was acknowledged is lost, nothing is
// stored twice, and no version is missing.
func TestSharing_underLoad(t *testing.T) {
	_, cfg := fake(t)
	shareUnderLoad(t, newService(cfg, 5), 12)
}

func shareUnderLoad(t *testing.T, s *service, changes int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	create(t, s.cfg)
	s.start(t, "instance-0:1")

	const callers = 8
	ctx, done := context.WithCancel(t.Context())
	defer done()
	acknowledged := make([][]string, callers)
	var all sync.WaitGroup
	failures := make(chan error, callers)
	for c := range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				rs := records(1, uuid.NewString())
				if _, err := s.append(t.Context(), named("stream", c), rs); err != nil {
					failures <- err
					return
				}
				acknowledged[c] = append(acknowledged[c], rs[0].ID)
			}
		})
	}
	running := []string{"instance-0:1"}
	for i := range changes {
		if len(running) > 1 && random.IntN(2) == 0 || len(running) == 4 {
			n := random.IntN(len(running))
			s.stop(t, running[n])
			running = append(running[:n], running[n+1:]...)
		} else {
			address := fmt.Sprintf("instance-%d:1", i+1)
			s.start(t, address)
			running = append(running, address)
		}
	}
	done()
	all.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	cfg := s.cfg
	reader := openReader(t, cfg)
	for c := range callers {
		require.NotEmpty(t, acknowledged[c])
		require.Equal(t, acknowledged[c], ids(t, reader, named("stream", c)))
	}
	require.Zero(t, reader.Skipped())
}
