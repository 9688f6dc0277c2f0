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
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

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
	const clients, lists, mostLists = 8, 25, 500
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c, cfg := fake(t)
	cfg.MaxWaitingCommits = 50 // so that lists wait inside and outside
	s := open(t, cfg)
	plague(c, seed)
	var group sync.WaitGroup
	var all [clients][]toldList
	var told outcomes
	for n := range clients {
		rng := rand.New(rand.NewPCG(seed, uint64(n+1)))
		group.Go(func() {
			// On a slow machine most callers leave, and need more lists to be told everything.
			for i := 0; i < lists || i < mostLists && told.missing() != ""; i++ {
				l := appendList(t, s, rng, fmt.Sprintf("%d-%d", n, i))
				all[n] = append(all[n], l)
				told.add(l.answers)
			}
		})
	}
	group.Wait()
	require.NoError(t, s.Close())
	t.Log(told.counts)
	require.Empty(t, told.missing())
	judgeLists(t, open(t, cfg), slices.Concat(all[:]...))
}

// A broker stores a batch, and nobody is told until the owner has claimed again. The commits of the
// list stay as they were judged: one that expects what only a later one makes is a conflict.
func TestAppendEach_ofABatchThatLandedUnseen(t *testing.T) {
	t.Parallel()
	c, cfg := fake(t)
	s := open(t, cfg)
	sent := make(map[kmsg.Request]bool) // only the fake brokers' goroutine uses it
	refused := c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownProducerID, Count: 1,
		When: func(r kmsg.Request) bool {
			sent[r] = true
			return len(sent) == 2
		},
	})
	stored := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 1})
	list := listTo("a", 3)
	list[1].Expect[0].Version = 2
	answers := s.AppendEach(t.Context(), list)
	require.EqualValues(t, 1, stored.Hits())
	require.EqualValues(t, 1, refused.Hits())
	require.NoError(t, answers[0].Err)
	require.NoError(t, answers[2].Err)
	var conflict *eventstore.ConflictError
	require.ErrorAs(t, answers[1].Err, &conflict)
	require.EqualValues(t, 1, conflict.Actual)
	require.Equal(t, int64(2), answers[2].Result.Last())
	require.Equal(t, []string{list[0].Records[0].ID, list[2].Records[0].ID}, ids(t, s, "a"))
	var at []int64
	for r, err := range s.ReadStream(t.Context(), stream("a"), 1) {
		require.NoError(t, err)
		at = append(at, r.Position.Offset)
	}
	require.Equal(t, at, []int64{answers[0].Result.Position.Offset, answers[2].Result.Position.Offset})
}

// The kinds of answers.
const (
	toldStored   = "stored"
	toldRepeated = "repeated"
	toldConflict = "conflict"
	toldLeft     = "left"
	toldUnknown  = "unknown"
	toldRefused  = "refused"
)

// outcomeOf returns the kind of an answer.
func outcomeOf(a eventstore.Answer) string {
	var refused *kafka.RefusedError
	switch {
	case a.Err == nil && a.Result.Repeated:
		return toldRepeated
	case a.Err == nil:
		return toldStored
	case errors.Is(a.Err, eventstore.ErrOutcomeUnknown):
		return toldUnknown
	case errors.Is(a.Err, eventstore.ErrConflict):
		return toldConflict
	case errors.As(a.Err, &refused):
		return toldRefused
	case errors.Is(a.Err, context.DeadlineExceeded):
		return toldLeft
	}
	return a.Err.Error()
}

// outcomes counts answers by kind.
type outcomes struct {
	mu     sync.Mutex
	counts map[string]int
}

func (o *outcomes) add(answers []eventstore.Answer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		o.counts = make(map[string]int)
	}
	for _, a := range answers {
		o.counts[outcomeOf(a)]++
	}
}

// missing returns a kind of which there was no answer, or nothing.
func (o *outcomes) missing() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, kind := range []string{toldStored, toldRepeated, toldConflict, toldLeft, toldUnknown, toldRefused} {
		if o.counts[kind] == 0 {
			return kind
		}
	}
	return ""
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
			judgeAnswer(t, c, a, log, at, stored)
			left = left || outcomeOf(a) == toldLeft
		}
	}
}

// judgeAnswer compares an answer with what is stored.
func judgeAnswer(
	t *testing.T, c eventstore.Commit, a eventstore.Answer, log []eventstore.Record, at int, stored bool,
) {
	t.Helper()
	switch outcomeOf(a) {
	case toldRepeated:
		require.False(t, stored)
		first := slices.IndexFunc(log, func(r eventstore.Record) bool {
			return r.Stream() == c.Stream() && r.AggregateVersion == a.Result.First()
		})
		require.GreaterOrEqual(t, first, 0)
		require.Equal(t, c.CommandID, log[first].CommandID)
	case toldStored:
		require.True(t, stored, "acknowledged, and lost")
		for i, r := range c.Records {
			require.Equal(t, r.ID, log[at+i].ID)
			require.Equal(t, a.Result.First()+int64(i), log[at+i].AggregateVersion)
		}
		require.Equal(t, a.Result.Position, log[at+len(c.Records)-1].Position)
	case toldUnknown: // it may be there, or not
	default:
		require.False(t, stored, "stored, though its caller was told %v", a.Err)
	}
}
