package line_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/line"
)

// Two commits are written in one batch: one of the line of x, and one beside it that writes to x
// and y. The index holds the batch, and nobody has the answers yet. A reader has x from before, and
// reads y as the index has it. x and y never stood so together.
func TestStand_betweenApplyAndAnswer(t *testing.T) {
	versions := map[string]int64{}
	q := line.NewQueue(line.Config{
		Key: eventstore.BeforeSlash, MaxCommits: 10, MaxBytes: 1 << 20,
		Version: func(id string) (int64, error) { return versions[id], nil },
	})
	rec := func(id string) eventstore.Record {
		var r eventstore.Record
		r.Category, r.AggregateID, r.ID, r.Value = "C", id, id, []byte("v")
		return r
	}
	stream := func(id string) eventstore.Stream { return eventstore.Stream{Category: "C", ID: id} }
	first := line.New(eventstore.To(stream("l/x"), 0, rec("l/x")), line.Tip{ID: "l/x"})
	require.NoError(t, q.Enter(t.Context(), first))
	blind := line.New(eventstore.Commit{Records: []eventstore.Record{rec("l/x"), rec("l/y")}})
	require.NoError(t, q.Enter(t.Context(), blind))
	end := func(id string) *line.Commit {
		s, stands := q.Shown(line.Tip{ID: id})
		require.True(t, stands)
		return s.Last
	}
	x := line.Tip{ID: "l/x", Version: 1, Last: end("l/x")} // read before the batch is stored
	require.Len(t, q.Take(1<<20, 100), 2)
	versions["l/x"], versions["l/y"] = 2, 1 // the index holds the batch (Q6)
	y := line.Tip{ID: "l/y", Version: 1, Last: end("l/y")}
	found, err := q.Stand(x, y)
	moved := found.Moved
	require.NoError(t, err)
	require.NotNil(t, moved, "x is at version 2 since y is at version 1")
}
