package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
)

// toldList is a list that a client appended, and what it was told of each commit.
type toldList struct {
	commits []eventstore.Commit
	answers []eventstore.Answer
}

// Clients append lists, some of whose commits build on one another, while brokers fail and callers
// leave. Acknowledged commits are stored where they were said to be, once and in the order of their
// list. Refused ones are not stored. No commit of a list is stored behind one that was taken back.
func TestAppendEach_underFaults(t *testing.T) {
	t.Parallel()
	const clients, lists = 8, 25
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c, cfg := fake(t)
	cfg.MaxWaitingCommits = 50 // so that lists wait inside and outside
	s := open(t, cfg)
	plague(c, seed)
	var group sync.WaitGroup
	var all [clients][]toldList
	for n := range clients {
		rng := rand.New(rand.NewPCG(seed, uint64(n+1)))
		group.Go(func() {
			for i := range lists {
				all[n] = append(all[n], appendList(t, s, rng, fmt.Sprintf("%d-%d", n, i)))
			}
		})
	}
	group.Wait()
	require.NoError(t, s.Close())
	judgeLists(t, open(t, cfg), slices.Concat(all[:]...))
}

// appendList appends a random list. Its commits expect the versions that the earlier ones make, or
// nothing. Some are of a command that another list may have, too.
func appendList(t *testing.T, s *kafka.Store, rng *rand.Rand, name string) toldList {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()),
		time.Duration(1+rng.IntN(200))*time.Millisecond)
	defer cancel()
	versions := make(map[string]int)
	for _, id := range []string{"a", "b", "c"} {
		all, _ := s.ReadQueued(ctx, stream(id).At(0))
		for range all {
			versions[id]++
		}
	}
	var l toldList
	for i := range 1 + rng.IntN(80) {
		id, expected := []string{"a", "b", "c"}[rng.IntN(3)], eventstore.Any
		if id != "a" && rng.IntN(2) == 0 { // somebody always comes between in stream a
			expected = eventstore.Expected(versions[id])
		}
		command := ""
		switch rng.IntN(6) {
		case 0:
			command = fmt.Sprintf("%s-%d", name, i)
		case 1:
			command = fmt.Sprintf("everybody's %d", rng.IntN(40))
		}
		rs := records(1+rng.IntN(2), command)
		versions[id] += len(rs)
		l.commits = append(l.commits, eventstore.To(stream(id), expected, rs...))
	}
	l.answers = s.AppendEach(ctx, l.commits)
	return l
}

// judgeLists compares what clients were told with what is stored.
func judgeLists(t *testing.T, s *kafka.Store, all []toldList) {
	t.Helper()
	places := make(map[string]int) // of all events in the log, by id
	commands := make(map[string]int)
	var log []eventstore.Record
	for r, err := range s.ReadCategory(t.Context(), category, eventstore.Beginning()) {
		require.NoError(t, err)
		require.NotContains(t, places, r.ID, "stored twice")
		places[r.ID] = len(log)
		log = append(log, r)
		if r.CommandID != "" && r.Commit.Index == 1 {
			commands[r.AggregateID+" "+r.CommandID]++
		}
	}
	for command, n := range commands {
		require.Equal(t, 1, n, command)
	}
	outcomes := make(map[string]int)
	for _, l := range all {
		require.Len(t, l.answers, len(l.commits))
		last, left := -1, false
		for i, a := range l.answers {
			c := l.commits[i]
			at, stored := places[c.Records[0].ID]
			if stored {
				require.Greater(t, at, last, "commits are stored in the order of their list")
				require.False(t, left, "stored behind a commit that was taken back")
				require.True(t, c.Expect[0].Version.Met(log[at].AggregateVersion-1))
				last = at
			}
			outcome := judgeAnswer(t, c, a, log, at, stored)
			left = left || outcome == "left"
			outcomes[outcome]++
		}
	}
	t.Log(outcomes)
	for _, outcome := range []string{"stored", "repeated", "conflict", "left", "unknown", "refused"} {
		require.Positive(t, outcomes[outcome], outcome)
	}
}

// judgeAnswer returns which kind of answer it is.
func judgeAnswer(
	t *testing.T, c eventstore.Commit, a eventstore.Answer, log []eventstore.Record, at int, stored bool,
) string {
	t.Helper()
	var refused *kafka.RefusedError
	switch {
	case a.Err == nil && a.Result.Repeated:
		require.False(t, stored)
		first := slices.IndexFunc(log, func(r eventstore.Record) bool {
			return r.Stream() == c.Stream() && r.AggregateVersion == a.Result.First()
		})
		require.GreaterOrEqual(t, first, 0)
		require.Equal(t, c.CommandID, log[first].CommandID)
		return "repeated"
	case a.Err == nil:
		require.True(t, stored, "acknowledged, and lost")
		for i, r := range c.Records {
			require.Equal(t, r.ID, log[at+i].ID)
			require.Equal(t, a.Result.First()+int64(i), log[at+i].AggregateVersion)
		}
		require.Equal(t, a.Result.Position, log[at+len(c.Records)-1].Position)
		return "stored"
	case errors.Is(a.Err, eventstore.ErrOutcomeUnknown):
		return "unknown"
	}
	require.False(t, stored, "stored, though its caller was told %v", a.Err)
	switch {
	case errors.Is(a.Err, eventstore.ErrConflict):
		return "conflict"
	case errors.As(a.Err, &refused):
		return "refused"
	case errors.Is(a.Err, context.DeadlineExceeded):
		return "left"
	}
	return a.Err.Error()
}
