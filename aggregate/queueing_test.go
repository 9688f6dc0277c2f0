package aggregate_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/eventstore"
)

// queueing is a ledger in which one commit is queued. It is stored, or not, when something that
// rests on it is appended.
type queueing struct {
	*ledger

	queued  *eventstore.Commit // nil: there is none, or not any more
	breaks  bool               // it is not stored after all
	settled bool
}

// queueTip is the tip of a stream with something queued.
type queueTip struct{}

// queue queues the changes, which a command makes if its id is not empty.
func (q *queueing) queue(t *testing.T, breaks bool, commandID string, changes ...change) {
	t.Helper()
	captured := errors.New("captured")
	ledger := &ledger{Store: q.Store, before: func(c eventstore.Commit) { q.queued = &c }, refused: captured}
	newer := aggregate.NewType("Purse", paidIn{}, paidOut{}, froze{}, heirNamed{}, unlisted{})
	r, err := aggregate.NewRepository(t.Context(), newer, ledger, jsonCodec{}, aggregate.Config{})
	require.NoError(t, err)
	_, err = r.UpdateAll(digested(t.Context(), commandID), on("", changes...))
	require.ErrorIs(t, err, captured)
	q.queued.Expect = nil
	q.breaks = breaks
}

// settle stores what is queued, or does not.
func (q *queueing) settle(ctx context.Context) {
	if c := q.queued; c != nil {
		q.queued, q.settled = nil, true
		if !q.breaks {
			if _, err := q.Store.Append(ctx, *c); err != nil {
				panic(err)
			}
		}
	}
}

func (q *queueing) ReadQueued(
	ctx context.Context, stream eventstore.Stream, from int64, with ...eventstore.Expectation,
) (iter.Seq2[eventstore.Record, error], eventstore.Expectation) {
	together := eventstore.Commit{Expect: append(slices.Clone(with), eventstore.Expectation{Stream: stream})}
	if err := eventstore.Check(together, eventstore.BeforeSlash); err != nil {
		return failing(err), eventstore.Expectation{Stream: stream, Version: -7}
	}
	with = slices.DeleteFunc(slices.Clone(with), func(e eventstore.Expectation) bool { return e.Tip == queueTip{} })
	stored, at := q.ledger.ReadQueued(ctx, stream, from, with...)
	if q.queued == nil || !slices.Contains(q.queued.Streams(), stream) {
		return stored, at
	}
	var more []eventstore.Record
	for _, r := range q.queued.Records {
		if r.Stream() == stream {
			at.Version++
			r.AggregateVersion = int64(at.Version)
			more = append(more, r)
		}
	}
	at.Tip = queueTip{}
	return func(yield func(eventstore.Record, error) bool) {
		for r, err := range stored {
			if !yield(r, err) {
				return
			}
		}
		for _, r := range more {
			if r.AggregateVersion >= from && !yield(r, nil) {
				return
			}
		}
	}, at
}

func (q *queueing) Applied(ctx context.Context, stream eventstore.Stream, commandID string) (bool, error) {
	applied, err := q.Store.Applied(ctx, stream, commandID)
	return applied || q.queued != nil && q.queued.CommandID == commandID, err
}

func (q *queueing) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	waits := q.queued != nil && c.CommandID == q.queued.CommandID
	c.Expect = slices.Clone(c.Expect)
	if err := eventstore.Check(c, eventstore.BeforeSlash); err != nil {
		return eventstore.Result{}, err
	}
	var conflict error
	for i, e := range c.Expect {
		if e.Tip == (queueTip{}) {
			waits = true
			c.Expect[i].Tip = nil
			if q.breaks && conflict == nil {
				conflict = &eventstore.ConflictError{Stream: e.Stream, Expected: e.Version}
			}
		}
	}
	if waits {
		q.settle(ctx)
	}
	if conflict != nil {
		return eventstore.Result{}, conflict
	}
	return q.ledger.Append(ctx, c)
}

func TestUpdateAllOnQueued(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		queued         []change
		decide         func(*group) ([]change, error)
		stored, broken []string // what was made at last
		refused        error    // with what, if what is queued is stored
		decided        int      // how often, if it is not
	}{
		{
			"decides on it",
			[]change{aggregate.On("l/a", paidIn{20}), aggregate.On("l/b", paidIn{1})},
			transfer{"l/a", "l/b", 40}.Decide,
			[]string{"l/a 3 PaidOut", "l/b 2 PaidIn"},
			[]string{"l/a 2 PaidOut", "l/b 1 PaidIn"},
			nil, 2,
		},
		{
			"refuses because of it",
			[]change{aggregate.On("l/c", paidIn{20}), aggregate.On("l/a", paidOut{20})},
			transfer{"l/a", "l/b", 40}.Decide, nil,
			[]string{"l/a 2 PaidOut", "l/b 1 PaidIn"},
			errPoor, 2,
		},
		{
			"nothing to do because of it",
			[]change{aggregate.On("l/b", froze{})},
			func(g *group) ([]change, error) {
				if g.State("l/a"); g.State("l/b").Frozen {
					return nil, nil
				}
				return []change{aggregate.On("l/b", froze{})}, nil
			}, nil,
			[]string{"l/b 1 Froze"},
			nil, 2,
		},
		{
			"does not see it",
			[]change{aggregate.On("l/b", paidIn{1})},
			transfer{"l/a", "l/b", 40}.Decide,
			[]string{"l/a 2 PaidOut", "l/b 2 PaidIn"},
			[]string{"l/a 2 PaidOut", "l/b 1 PaidIn"},
			nil, 1,
		},
		{
			"reads another partition key because of it",
			[]change{aggregate.On("l/a", heirNamed{"m/b"})},
			payHeir,
			nil,
			[]string{"l/d 1 PaidIn"},
			eventstore.ErrInvalid, 2,
		},
		{
			"cannot be decoded",
			[]change{aggregate.On("l/b", unlisted{})},
			on("l/a l/b", aggregate.On("l/b", paidIn{1})), nil,
			[]string{"l/b 1 PaidIn"},
			eventstore.ErrUndecodable, 2,
		},
		{
			"changes another partition key because of it",
			[]change{aggregate.On("l/a", heirNamed{"m/b"})},
			payHeirBlindly, nil,
			[]string{"l/d 1 PaidIn"},
			eventstore.ErrInvalid, 2,
		},
	} {
		for _, breaks := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{true: ", it breaks"}[breaks], func(t *testing.T) {
				t.Parallel()
				store := &queueing{ledger: newLedger(t)}
				store.pay(t, "l/a", paidIn{50})
				store.queue(t, breaks, "", tt.queued...)
				decided := 0
				outcome, err := newPurses(t, store, aggregate.Config{}).UpdateAll(t.Context(),
					func(g *group) ([]change, error) { decided++; return tt.decide(g) })
				require.True(t, store.settled, "told only now")
				if breaks {
					require.NoError(t, err)
					require.Equal(t, tt.broken, told(outcome.Events))
					require.Equal(t, tt.decided, decided)
					return
				}
				require.ErrorIs(t, err, tt.refused)
				require.Equal(t, tt.stored, told(outcome.Events))
			})
		}
	}
}

// payHeir pays to a purse that another one names.
func payHeir(g *group) ([]change, error) {
	heir := g.State("l/a").Heir
	if heir == "" {
		heir = "l/d"
	}
	g.State(heir)
	return []change{aggregate.On(heir, paidIn{1})}, nil
}

func payHeirBlindly(g *group) ([]change, error) {
	heir := g.State("l/a").Heir
	if heir == "" {
		heir = "l/d"
	}
	return []change{aggregate.On(heir, paidIn{1})}, nil
}
