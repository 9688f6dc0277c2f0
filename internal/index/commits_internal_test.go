package index

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

// commitOf returns the change that is one commit of a command, with a record for each id. It makes
// the first version of each stream.
func commitOf(command string, ids ...string) Change {
	var c Change
	for i, id := range ids {
		c.Records = append(c.Records, eventstore.Record{
			Header: event.Header{
				ID: fmt.Sprint("e-", i), Type: "T", Category: "A", AggregateID: id, AggregateVersion: 1,
				CommandID: command,
			},
			Position: event.Position{Partition: 1, Offset: int64(i)},
			Commit: eventstore.CommitPart{
				Index: i + 1, Size: len(ids), Several: slices.ContainsFunc(ids, func(s string) bool { return s != id }),
			},
		})
	}
	c.Checkpoint = Checkpoint{Next: int64(len(ids)), Term: NoTerm()}
	return c
}

// A commit that a look would miss is refused: nothing of it is in the index.
func TestCommitsAreOfOnePartitionKey(t *testing.T) {
	part := commitOf("k", "a/1", "a/2")
	part.Records = part.Records[:1]
	rest := commitOf("k", "a/1", "a/2")
	rest.Records = rest.Records[1:]
	ends := commitOf("k", "a/1", "a/2")
	ends.Records[0] = ends.Records[1]
	for name, test := range map[string]struct {
		key    eventstore.PartitionKey
		change Change
		want   string
	}{
		"of several streams": {
			eventstore.WholeID, commitOf("k", "a/1", "a/2"),
			`the commit of offset 0 writes to "a/1" and to another partition key (whole-id): ` +
				"configure the partition key that the events were written with",
		},
		"of several keys": {
			eventstore.BeforeSlash, commitOf("k", "a/1", "a", "b/1"),
			`the commit of offset 2 writes to "b/1" and to another partition key (before-slash): ` +
				"configure the partition key that the events were written with",
		},
		"of no command":     {eventstore.BeforeSlash, commitOf("", "a/1", "b/1"), "another partition key"},
		"without its end":   {eventstore.BeforeSlash, part, "the records from offset 0 on are not a whole commit"},
		"without its begin": {eventstore.BeforeSlash, rest, "the records from offset 1 on are not a whole commit"},
		"two ends":          {eventstore.BeforeSlash, ends, "the records from offset 1 on are not a whole commit"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := openOn(t, test.key, vfs.NewMem(), 1<<20)
			err := p.Apply(test.change)
			require.ErrorContains(t, err, "index of t partition 1: ")
			require.ErrorContains(t, err, test.want)
			require.Equal(t, Checkpoint{Term: NoTerm()}, p.Checkpoint())
			version, err := p.Version("a/1")
			require.NoError(t, err)
			require.Zero(t, version)
			require.NoError(t, s.Close())
		})
	}
}

// Recent commits count towards the size of a piece.
func TestCommitsAreBounded(t *testing.T) {
	ids := make([]string, eventstore.MaxCommitRecords)
	for i := range ids {
		ids[i] = fmt.Sprintf("a/%0200d", i)
	}
	var sizes []int
	for _, command := range []string{"", "k"} {
		s, p := openOn(t, eventstore.BeforeSlash, vfs.NewMem(), 1<<20)
		require.NoError(t, p.Apply(commitOf(command, ids...)))
		sizes = append(sizes, p.recentBytes())
		require.NoError(t, s.Close())
		s, p = openOn(t, eventstore.BeforeSlash, vfs.NewMem(), 1<<20)
		require.NoError(t, p.Apply(commitOf(command, ids...)))
		found, err := p.Look("a", command)
		require.NoError(t, err)
		require.Len(t, found.Written, len(command)*len(ids))
		require.NoError(t, s.Close())
	}
	require.Greater(t, sizes[1]-sizes[0], 200*len(ids))
}

// A look for a new command reads no table, however large the index. The tables' filters answer.
func TestFiltersKnowNewCommands(t *testing.T) {
	const saved, asked = 2_000, 500
	s, p := openOn(t, eventstore.BeforeSlash, vfs.NewMem(), 1)
	id := func(i int) string { return fmt.Sprintf("%d/x", i%7) }
	var versions [7]int64
	for i := range saved {
		c := commitOf(fmt.Sprint("k-", i), id(i))
		versions[i%7]++
		c.Records[0].AggregateVersion = versions[i%7]
		require.NoError(t, p.Apply(c))
	}
	s.working.Wait()
	require.NoError(t, s.flush())
	require.NoError(t, s.db.Compact(t.Context(), []byte("p"), []byte("q"), false))
	metrics := s.db.Metrics()
	require.Equal(t, metrics.Total().TablesCount, metrics.Levels[6].TablesCount, "all is in the last level")
	before := metrics.Filter.Hits
	for i := range asked {
		applied, err := p.Applied(id(i), fmt.Sprint("new-", i))
		require.NoError(t, err)
		require.False(t, applied)
	}
	require.Greater(t, s.db.Metrics().Filter.Hits-before, int64(asked*9/10))
	require.NoError(t, s.Close())
}

// By BeforeSlash each command has one key in the database, and no place has marks, however long a
// stream is.
func TestEachCommandHasOneKey(t *testing.T) {
	w := newWorld(seeded(t), eventstore.BeforeSlash)
	w.names = 2
	s, p := openOn(t, w.key, vfs.NewMem(), 1)
	for range 500 {
		require.NoError(t, p.Apply(w.change()))
	}
	s.working.Wait()
	require.NoError(t, p.Apply(w.change())) // which makes room, and so saves all before it
	s.working.Wait()
	saved := make(map[string]bool)
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: appendSlot(nil, kindCommand, p.slot), UpperBound: appendSlot(nil, kindCommand+1, p.slot),
	})
	require.NoError(t, err)
	for ok := it.First(); ok; ok = it.Next() {
		saved[string(it.Key()[slotBytes:])] = true
	}
	require.NoError(t, it.Close())
	for _, c := range w.commits["1"] {
		name := string(appendCommand(nil, "1", c.command))
		if _, recent := p.newest.commits[name]; c.command != "" && !recent {
			require.True(t, saved[name], c.command)
			delete(saved, name)
		}
	}
	require.Empty(t, saved)
	for id, records := range w.streams {
		require.Greater(t, len(records), 2*markedVersions)
		require.NoError(t, p.places(s.db, id, math.MaxInt64, func(at place) bool {
			require.Empty(t, at.marks)
			return true
		}))
	}
	require.NoError(t, s.Close())
}

// A folder that has the records has the command, too, whichever write failed. The pieces are so
// large that Pebble writes each of them to a table at once.
func TestCommandsAreSavedWithTheirRecords(t *testing.T) {
	ids := make([]string, eventstore.MaxCommitRecords)
	for i := range ids {
		ids[i] = fmt.Sprintf("a/%0200d", i)
	}
	for n := int64(1); ; n++ {
		f := &failing{kind: errorfs.OpIsWrite, errno: syscall.EIO, at: n, lasts: true}
		memory := vfs.NewMem()
		s, p, err := openFailing(errorfs.Wrap(memory, f), eventstore.BeforeSlash, 1)
		if err == nil {
			for version := int64(1); version <= 3 && err == nil; version++ {
				c := commitOf(fmt.Sprint("k-", version), ids...)
				for i := range c.Records {
					c.Records[i].AggregateVersion = version
				}
				err = p.Apply(c)
			}
			err = errors.Join(err, s.Close())
		}
		if !f.struck.Load() {
			require.NoError(t, err)
			t.Logf("%d writes", f.count.Load())
			return
		}
		s, p, err = openFailing(memory, eventstore.BeforeSlash, 1)
		require.NoError(t, err)
		saved, err := p.Version(ids[0])
		require.NoError(t, err)
		for version := int64(1); version <= 3; version++ {
			applied, err := p.Applied(ids[0], fmt.Sprint("k-", version))
			require.NoError(t, err)
			require.Equal(t, version <= saved, applied, "command %d with version %d, write %d fails", version, saved, n)
		}
		require.NoError(t, s.Close())
	}
}

// While commits are applied and saved, a look that sees a version sees the command that made it.
func TestLookAmidChanges(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		const many = 1_000
		s, p := openOn(t, key, vfs.NewMem(), 1)
		command := func(version int64) string { return fmt.Sprint("k-", version) }
		looked := make(chan error)
		for range 2 {
			go func() { looked <- lookFor(p, command, many) }()
		}
		for version := int64(1); version <= many; version++ {
			c := commitOf(command(version), "a/1")
			c.Records[0].AggregateVersion, c.Records[0].Position.Offset = version, version
			require.NoError(t, p.Apply(c))
		}
		for range 2 {
			require.NoError(t, <-looked)
		}
		require.NoError(t, s.Close())
	})
}

// lookFor looks for the commands of a stream until it has found the one of the last version.
func lookFor(p *Partition, command func(version int64) string, last int64) error {
	for next := int64(1); next <= last; {
		if _, err := p.Applied("a/1", command(next)); err != nil { // which is remembered
			return err
		}
		found, err := p.Look("a/1", command(next))
		switch {
		case err != nil:
			return err
		case !found.Repeated && found.Version >= next:
			return fmt.Errorf("version %d without its command", found.Version)
		case !found.Repeated:
			continue
		case len(found.Written) != 1 || found.Written[0] != Written{ID: "a/1", First: next, Last: next}:
			return fmt.Errorf("wrote %v, expected version %d", found.Written, next)
		}
		if applied, err := p.Applied("a/1", command(next)); err != nil || !applied {
			return fmt.Errorf("command %d was found, and is applied: %t, %w", next, applied, err)
		}
		next++
	}
	return nil
}

// A commit that cannot be read is an error that says what to do, and no unknown command.
func TestBrokenCommits(t *testing.T) {
	for _, value := range []string{"", "\x01", "\x01\x00", "\x01\x00\x04b"} {
		s, p := openOn(t, eventstore.BeforeSlash, vfs.NewMem(), 1<<20)
		key := appendCommand(appendSlot(nil, kindCommand, p.slot), "a", "k")
		require.NoError(t, s.db.Set(key, []byte(value), pebble.NoSync))
		_, err := p.Look("a/1", "k")
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, `commit of command "k" in partition key "a"`)
		require.ErrorContains(t, err, "delete its folder, it is made again from the topics")
		_, err = p.Applied("a/1", "k")
		require.ErrorIs(t, err, errBroken)
		require.NoError(t, s.Close())
	}
}

// Two pairs of a partition key and a command id never have one name.
func TestNamesOfCommandsDoNotMeet(t *testing.T) {
	texts := []string{"a", "aa", "aaa", someID, someID + someID, "a" + someID, strings.Repeat("a", 200)}
	seen := make(map[string]bool)
	for _, partitionKey := range texts {
		for _, command := range texts {
			name := string(appendCommand(nil, partitionKey, command))
			require.False(t, seen[name])
			seen[name] = true
		}
	}
}
