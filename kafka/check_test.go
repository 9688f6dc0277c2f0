package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// errNoCounter is the refusal of a decision if nothing was counted yet.
var errNoCounter = errors.New("no counter")

// counters returns a repository of the aggregate that counts.
func counters(t testing.TB, s eventstore.Store) *aggregate.Repository[counted] {
	t.Helper()
	r, err := aggregate.NewRepository(t.Context(), aggregate.NewType[counted](category, tick{}), s, plainCodec{},
		aggregate.Config{})
	require.NoError(t, err)
	return r
}

// refuse refuses as long as nothing was counted. Afterwards it has nothing to do.
func refuse(c counted) ([]aggregate.Event[counted], error) {
	if c.Number == 0 {
		return nil, errNoCounter
	}
	return nil, nil
}

func count(c counted) ([]aggregate.Event[counted], error) {
	return []aggregate.Event[counted]{tick{Number: c.Number + 1}}, nil
}

// A store was overtaken and has not noticed. It tells no refusal that rests on the state of before.
func TestCheck_ofAnOvertakenStoreTellsNoRefusal(t *testing.T) {
	t.Parallel()
	for name, prefix := range map[string]string{
		"same prefix":    kafka.DefaultTransactionalIDPrefix,
		"another prefix": "another",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, cfg := fake(t)
			former := counters(t, open(t, cfg))
			cfg.TransactionalIDPrefix = prefix
			require.NoError(t, errOf(counters(t, open(t, cfg)).Update(t.Context(), "a", count)))

			_, err := former.Update(t.Context(), "a", refuse)
			require.NotErrorIs(t, err, errNoCounter, "the other store's event is there")
			if err != nil { // with another prefix it claims again, and decides on the new state
				require.ErrorIs(t, err, eventstore.ErrNotOwner)
			}
		})
	}
}

// A batch lands, its answer is lost, and the owner sends it again. Meanwhile another store claims
// and appends. A question is asked after that. The batch that was under way before does not answer
// it.
func TestCheck_isNotProvedByABatchUnderWay(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}) // stored all the same
	var attempts int
	taken, asked := make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if attempts++; attempts == 2 {
			c.SleepControl(func() {
				if _, err := counters(t, open(t, cfg)).Update(t.Context(), "a", count); err != nil {
					t.Error(err)
				}
				close(taken)
				<-asked
			})
		}
		return nil, nil, false
	})
	stored := make(chan error, 1)
	go func() { stored <- errOf(counters(t, s).Update(context.WithoutCancel(t.Context()), "a", count)) }()
	<-taken
	_, tip := readQueued(s, t.Context(), stream("a"), 1)
	close(asked)
	require.ErrorIs(t, tip.Await(t.Context()), eventstore.ErrNotOwner)
	require.NoError(t, <-stored, "it counts, as it landed before the other store's claim")
}

// An owner that nobody overtakes answers, and appends go on.
func TestCheck_tellsRefusalsOfAnOwner(t *testing.T) {
	t.Parallel()
	_, cfg := fake(t)
	testRefusals(t, cfg)
}

func testRefusals(t *testing.T, cfg kafka.Config) {
	s := open(t, cfg)
	r := counters(t, s)
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		require.ErrorIs(t, errOf(r.Update(ctx, named("empty", i), refuse)), errNoCounter)
		require.NoError(t, errOf(r.Update(ctx, "a", count)))
		require.NoError(t, errOf(r.Update(ctx, "a", refuse)))
		cancel()
	}
	require.Len(t, ids(t, s, "a"), 20)
	require.Zero(t, s.Skipped())
}
