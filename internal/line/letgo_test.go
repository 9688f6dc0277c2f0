package line_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// small returns a queue whose index has the versions.
func small(versions map[string]int64) *line.Queue {
	return line.NewQueue(line.Config{
		Key: eventstore.BeforeSlash, MaxCommits: 10, MaxBytes: 1 << 20,
		Version: func(id string) (int64, error) { return versions[id], nil },
	})
}

func recordOf(id string) (r eventstore.Record) {
	r.Category, r.AggregateID, r.ID, r.Value = "A", id, id, []byte("v")
	return r
}

// alive returns how many of the commits are still in memory.
func alive(all []weak.Pointer[line.Commit]) (n int) {
	for range 3 {
		runtime.GC()
	}
	for _, c := range all {
		if c.Value() != nil {
			n++
		}
	}
	return n
}

// few is more than are under way, and less than there were.
const few = 5

// A stream always has a commit that is queued behind the one under way. Those that are stored take
// no memory, though each expects what it was shown of the one before.
func TestLetGo_ofStoredCommits(t *testing.T) {
	versions := map[string]int64{}
	q := small(versions)
	type tip struct{ last *line.Commit } // as a store's
	var last *line.Commit
	var all []weak.Pointer[line.Commit]
	for i := range int64(50) {
		e := eventstore.Expectation{Stream: stream("l/x"), Version: eventstore.Expected(i), Tip: &tip{last}}
		c := line.New(e.Commit(recordOf("l/x")), line.Tip{ID: "l/x", Version: i, Last: last})
		require.NoError(t, q.Enter(t.Context(), c))
		all = append(all, weak.Make(c))
		if i > 0 {
			require.Same(t, last, q.Take(1<<20, 1)[0])
			versions["l/x"]++
			q.Answer(line.Answer{Commit: last, Result: eventstore.Result{
				Streams: []eventstore.Written{{Stream: stream("l/x"), First: i, Last: i}},
			}})
		}
		last = c
	}
	require.LessOrEqual(t, alive(all), few)
	runtime.KeepAlive(q)
}

// A commit is under way for long, and callers behind it give up. Their commits take no memory.
func TestLetGo_ofWithdrawnCommits(t *testing.T) {
	q := small(nil)
	first := line.New(eventstore.To(stream("l/x"), 0, recordOf("l/x")), line.Tip{ID: "l/x"})
	require.NoError(t, q.Enter(t.Context(), first))
	require.Len(t, q.Take(1<<20, 1), 1)
	var all []weak.Pointer[line.Commit]
	for range 50 {
		c := line.New(eventstore.To(stream("l/x"), 1, recordOf("l/x")), line.Tip{ID: "l/x", Version: 1, Last: first})
		require.NoError(t, q.Enter(t.Context(), c))
		_, err := q.Await(ended(), c)
		require.Error(t, err)
		all = append(all, weak.Make(c))
	}
	require.LessOrEqual(t, alive(all), few)
	runtime.KeepAlive(q)
	runtime.KeepAlive(first)
}
