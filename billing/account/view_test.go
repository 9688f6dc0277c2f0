package account_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

type stored = event.Stored[aggregate.Event[account.Account]]

// script is a source that yields the given events, whatever it is asked for.
type script struct {
	next  []stored
	err   error // after them
	start eventstore.Start
}

func (s *script) Events(_ context.Context, start eventstore.Start) iter.Seq2[stored, error] {
	s.start = start
	return func(yield func(stored, error) bool) {
		for _, e := range s.next {
			if !yield(e, nil) {
				return
			}
		}
		if s.err != nil {
			yield(stored{}, s.err)
		}
	}
}

// at puts events of account "a" into partition 3, a gap between their offsets.
func at(first int64, events ...aggregate.Event[account.Account]) []stored {
	var all []stored
	for i, e := range events {
		version := first + int64(i)
		all = append(all, stored{
			Header: event.Header{
				Type: e.EventType(), Category: "Account", AggregateID: "a", AggregateVersion: version,
				Timestamp: fixed(),
			},
			Position: event.Position{Partition: 3, Offset: 10 * version},
			Events:   []aggregate.Event[account.Account]{e},
		})
	}
	return all
}

func TestViewAppliesEachEventOnce(t *testing.T) {
	t.Parallel()
	all := at(1, created(), credited("t-1", 100, 100), debited("t-2", 30, 70), credited("t-3", 5, 75))
	source := &script{}
	view := account.NewView(source)
	for seen, posted := range []int64{0, 0, 100, 70, 75} {
		if seen == 0 {
			continue
		}
		source.next = slices.Concat(all[:seen], all[:seen]) // everything again, twice
		balance, err := view.Balance(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, posted, balance.Posted)
		require.Equal(t, int64(seen), balance.Version)
	}
	_, err := view.Balances(t.Context())
	require.NoError(t, err)
	require.Equal(t, all[3].Position.Offset+1, source.start.Offset(3), "it asks for no more than it needs")
}

// A stored event of a former revision may be two of today's events. The view applies both or, if it
// does not know one, none.
func TestViewAppliesAllThatAStoredEventIs(t *testing.T) {
	t.Parallel()
	all := at(1, created(), credited("t-1", 100, 100), debited("t-2", 30, 70))
	split := slices.Clone(all)
	split[1].Events = append(split[1].Events, debited("t-1f", 1, 99))
	balance, err := account.NewView(&script{next: slices.Concat(split, split)}).Balance(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, int64(69), balance.Posted)
	require.Equal(t, int64(3), balance.Version)

	source := &script{next: slices.Clone(all)}
	source.next[1].Events = append(slices.Clone(all[1].Events), unknown{})
	view := account.NewView(source)
	_, err = view.Balance(t.Context(), "a")
	require.ErrorContains(t, err, "does not know")
	source.next = all
	balance, err = view.Balance(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, int64(70), balance.Posted)
}

func TestViewGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	all := at(1, created(), credited("t-1", 100, 100), debited("t-2", 30, 70))
	away := errors.New("the source is away")
	source := &script{next: all[:2], err: away}
	view := account.NewView(source)
	_, err := view.Balance(t.Context(), "a")
	require.ErrorIs(t, err, away, "an old answer would be a wrong one")
	source.next, source.err = all[1:], nil
	balance, err := view.Balance(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, int64(70), balance.Posted)
}

func TestViewRefusesAGapAndAnUnknownEvent(t *testing.T) {
	t.Parallel()
	all := at(1, created(), credited("t-1", 100, 100), debited("t-2", 30, 70))
	_, err := account.NewView(&script{next: []stored{all[0], all[2]}}).Balance(t.Context(), "a")
	require.EqualError(t, err,
		`view of accounts: account "a" is at version 1, and the next event, at 3:30, has version 3: events are missing`)
	_, err = account.NewView(&script{next: at(1, unknown{})}).Balance(t.Context(), "a")
	require.EqualError(t, err,
		`view of accounts: the view of accounts does not know event Unknown of account "a", at 3:10`)
}

type unknown struct{}

func (unknown) EventType() string      { return "Unknown" }
func (unknown) Apply(*account.Account) {}

// If somebody adds an event to the aggregate, this test says that the view needs it too.
func TestViewKnowsEveryEvent(t *testing.T) {
	t.Parallel()
	samples := map[string]aggregate.Event[account.Account]{
		"AccountCreated":  created(),
		"AccountCredited": credited("t-1", 1, 1),
		"AccountDebited":  debited("t-1", 1, -1),
	}
	for _, typ := range account.Accounts.Events() {
		sample, ok := samples[typ.Name]
		require.True(t, ok, "give a sample of %s", typ.Name)
		_, err := account.NewView(&script{next: at(1, sample)}).Balances(t.Context())
		require.NoError(t, err)
	}
}

func TestViewOfAnExternalAccount(t *testing.T) {
	t.Parallel()
	view := account.NewView(&script{next: at(1, created(external), debited("t-1", 100, -100))})
	balance, err := view.Balance(t.Context(), "a")
	require.NoError(t, err)
	require.Nil(t, balance.Available)
	require.Equal(t, "posted -1.00, held 0.00, available without limit USD", balance.String())
}

func TestViewAnswersUnderItsContext(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	f.create(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.View.Balance(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, f.View.Rebuild(ctx), context.Canceled)

	stuck := &stuckSource{entered: make(chan struct{}), leave: make(chan struct{})}
	view := account.NewView(stuck)
	var wait sync.WaitGroup
	wait.Go(func() { _, _ = view.Balances(context.Background()) })
	<-stuck.entered
	_, err = view.Balance(ctx, "a") // must not wait for the other one
	require.ErrorIs(t, err, context.Canceled)
	close(stuck.leave)
	wait.Wait()
}

// stuckSource waits, and yields nothing.
type stuckSource struct{ entered, leave chan struct{} }

func (s *stuckSource) Events(context.Context, eventstore.Start) iter.Seq2[stored, error] {
	return func(func(stored, error) bool) {
		close(s.entered)
		<-s.leave
	}
}

func TestRebuildMakesTheSameView(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	for _, id := range []string{"a", "b", "c"} {
		f.create(t, id)
		require.NoError(t, errOf(f.commands.Dispatch(t.Context(), credit("t-"+id, usd(10), on(id)))))
	}
	before, err := f.View.Balances(t.Context())
	require.NoError(t, err)
	require.Len(t, before, 3)
	require.NoError(t, f.View.Rebuild(t.Context()))
	after, err := f.View.Balances(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)

	failing := &script{next: at(1, created(), credited("t-1", 100, 100))}
	view := account.NewView(failing)
	_, err = view.Balances(t.Context())
	require.NoError(t, err)
	failing.next, failing.err = nil, errors.New("away")
	require.ErrorIs(t, view.Rebuild(t.Context()), failing.err)
	failing.err = nil
	balance, err := view.Balance(t.Context(), "a")
	require.NoError(t, err, "a rebuild that failed leaves what there was")
	require.Equal(t, int64(100), balance.Posted)

	failing.next = at(1, created(), credited("t-1", 40, 40))
	require.NoError(t, view.Rebuild(t.Context()))
	balance, err = view.Balance(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, int64(40), balance.Posted, "a rebuild forgets what there was")
}

func TestViewEqualsFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := inMemory(t)
		ids := []string{"a", "b", "c", "d"}
		for _, id := range ids {
			c := creations().Draw(rt, "account")
			c.AccountID = id
			require.NoError(rt, errOf(f.commands.Dispatch(t.Context(), c)))
		}
		for range rapid.IntRange(0, 40).Draw(rt, "commands") {
			c := movements().Draw(rt, "movement")
			c.AccountID = rapid.SampledFrom(ids).Draw(rt, "id")
			if rapid.Bool().Draw(rt, "credit") {
				_, _ = f.commands.Dispatch(t.Context(), c) // a refusal is as good
			} else {
				_, _ = f.commands.Dispatch(t.Context(), account.DebitAccount(c))
			}
			if rapid.Bool().Draw(rt, "look") {
				equalsFold(rt, t.Context(), f, c.AccountID)
			}
		}
		for _, id := range ids {
			equalsFold(rt, t.Context(), f, id)
		}
	})
}

// equalsFold compares the view's answers with the state that the account's events make.
func equalsFold(t require.TestingT, ctx context.Context, f *fixture, id string) {
	balance, err := f.View.Balance(ctx, id)
	require.NoError(t, err)
	details, err := f.View.Account(ctx, id)
	require.NoError(t, err)
	root, err := f.Repository.Load(ctx, id)
	require.NoError(t, err)
	a := root.State()
	lowest, highest := a.Limits()
	require.Equal(t, account.Details{
		AccountID: id, Version: root.Version(), Status: a.Status, OwnerID: a.OwnerID, OwnerType: a.OwnerType,
		Type: a.Type, Currency: a.Currency, Exponent: a.Exponent,
		MinBalance: lowest.Pointer(), MaxBalance: highest.Pointer(), CreatedAt: fixed(),
	}, details)
	want := account.Balance{
		AccountID: id, Version: root.Version(), Currency: a.Currency, Exponent: a.Exponent, Posted: a.Posted,
		Held: a.Held,
	}
	if lowest.Set {
		want.Available = new(a.Posted - a.Held - lowest.Minor)
	}
	require.Equal(t, want, balance)
}

// Every answer shows all that was committed before the question, while others write and ask.
func TestViewSeesWhatWasCommittedBeforeItWasAsked(t *testing.T) {
	t.Parallel()
	const accounts, credits = 8, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := inMemory(t)
	for i := range accounts {
		f.create(t, fmt.Sprint("a-", i))
	}
	var wait sync.WaitGroup
	for i := range accounts {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			id, posted := fmt.Sprint("a-", i), int64(0)
			for n := range credits {
				amount := random.Int64N(100) + 1
				posted += amount
				_, err := f.commands.Dispatch(t.Context(), credit(fmt.Sprint("t-", n), usd(amount), on(id)))
				balance, asked := f.View.Balance(t.Context(), id)
				if err != nil || asked != nil || balance.Posted != posted {
					t.Errorf("%s: found %v (%v, %v), expected %d posted", id, balance, err, asked, posted)
					return
				}
			}
		})
	}
	wait.Go(func() {
		for range 10 {
			if err := f.View.Rebuild(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	wait.Wait()
}
