package line_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// Callers who find no room wait outside. They enter in the order in which they came. They leave
// with their context, or when the queue is stopped.
func TestCallersWaitOutsideForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := line.NewQueue(line.Config{MaxCommits: 1, MaxBytes: 1 << 20})
		commit := func(id string) *line.Commit {
			return line.New(eventstore.To(stream(id), eventstore.Any, eventstore.Record{Header: event.Header{ID: id}}))
		}
		leaving, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		errs := make(map[string]error)
		var mu sync.Mutex
		enter := func(ctx context.Context, id string) {
			callers.Go(func() {
				err := q.Enter(ctx, commit(id))
				mu.Lock()
				defer mu.Unlock()
				errs[id] = err
			})
			synctest.Wait()
		}
		next := func() []string {
			var ids []string
			for _, c := range q.Take(1<<20, 10) {
				ids = append(ids, c.Parts()[0].ID)
				q.Answer(line.Answer{Commit: c})
			}
			synctest.Wait()
			return ids
		}
		enter(t.Context(), "a")
		enter(t.Context(), "b")
		enter(leaving, "c")
		enter(t.Context(), "d")
		enter(t.Context(), "e")
		leave()
		synctest.Wait()
		require.Equal(t, []string{"a"}, next())
		require.Equal(t, []string{"b"}, next())
		q.Stop(errStopped)
		callers.Wait()
		require.NoError(t, errs["d"])
		require.Equal(t, errStopped, errs["e"])
		var left *line.WaitingError
		require.ErrorAs(t, errs["c"], &left)
		require.ErrorIs(t, left, context.Canceled)
		require.True(t, left.Unavailable())
	})
}

// A list has no more room than anybody else. The rest of it waits outside, and each commit takes
// its turn among the other callers.
func TestListsWaitOutsideForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := line.NewQueue(line.Config{MaxCommits: 2, MaxBytes: 1 << 20})
		commits := make(map[string]*line.Commit)
		list := func(ids ...string) (all []*line.Commit) {
			for _, id := range ids {
				commits[id] = line.New(eventstore.To(stream(id), eventstore.Any,
					eventstore.Record{Header: event.Header{ID: id}}))
				all = append(all, commits[id])
			}
			return all
		}
		var callers sync.WaitGroup
		leaving, leave := context.WithCancel(t.Context())
		for _, ids := range [][]string{{"a", "b", "c", "d", "e", "f"}, {"x"}} {
			all := list(ids...)
			callers.Go(func() { q.EnterEach(leaving, all) })
			synctest.Wait()
		}
		next := func() (ids []string) {
			for _, c := range q.Take(1<<20, 10) {
				ids = append(ids, c.Parts()[0].ID)
				q.Answer(line.Answer{Commit: c})
			}
			synctest.Wait()
			return ids
		}
		require.Equal(t, []string{"a", "b"}, next())
		require.ElementsMatch(t, []string{"c", "x"}, next(), "each waits for its turn")
		leave() // with d and e in the queue, and f outside
		callers.Wait()
		for _, id := range []string{"a", "b", "c", "x"} {
			_, err := q.Await(t.Context(), commits[id])
			require.NoError(t, err, id)
		}
		_, err := q.Await(t.Context(), commits["f"])
		var left *line.WaitingError
		require.ErrorAs(t, err, &left)
		require.Equal(t, []string{"d", "e"}, next(), "who has entered is in until somebody takes it back")
	})
}
