package index

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
)

// Looks that remember answers find the same as looks into the database alone, before and after
// pieces are saved. Few streams become long, so that commands have marks, and keys, too.
func TestAnswersAreThoseOfTheDatabase(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		rng := seeded(t)
		w := newWorld(rng, key)
		w.names = 2
		s, p := openOn(t, key, vfs.NewMem(), 1+rng.IntN(60_000))
		p.answers.maxBytes = 1 << rng.IntN(18)
		hits := 0
		ids := w.group("1")
		if key == eventstore.WholeID {
			ids = []string{"0", "1"}
		}
		for i := range 400 {
			require.NoError(t, p.Apply(w.change()))
			if rng.IntN(4) == 0 && p.saving != nil {
				<-p.saving
			}
			for range 6 {
				id := ids[rng.IntN(len(ids))]
				made := w.commits[key.Of(id)]
				command := ""
				switch rng.IntN(3) {
				case 0:
					command = fmt.Sprint("new ", rng.IntN(1<<30))
				case 1:
					if len(made) > 0 {
						command = made[rng.IntN(len(made))].command
					}
				}
				switch rng.IntN(5) { // somebody else has asked for it before, or has read it
				case 0:
					_, err := p.Applied(id, command)
					require.NoError(t, err)
				case 1, 2:
					_, version, err := p.End(id, 1+rng.Int64N(2)*rng.Int64N(300))
					require.NoError(t, err)
					require.Len(t, w.streams[id], int(version))
				}
				found, err := p.Look(id, command)
				require.NoError(t, err)
				again, err := p.Look(id, command)
				require.NoError(t, err)
				require.Equal(t, found, again)
				p.mu.Lock()
				hits += len(p.answers.streams) + len(p.answers.absent)
				p.answers.clear()
				p.mu.Unlock()
				fresh, err := p.Look(id, command)
				require.NoError(t, err)
				require.Equal(t, fresh, found)
			}
			if i%100 == 99 {
				w.requireSame(t, p, w.checkpoint.Next)
			}
		}
		require.Positive(t, hits)
		require.NoError(t, s.Close())
	})
}

// A command is looked for three times, and the database is asked once.
func TestAnswersAreRemembered(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		w := newWorld(seeded(t), key)
		w.names = 1
		s, p := openOn(t, key, vfs.NewMem(), 1<<20)
		require.NoError(t, p.Apply(w.change()))
		id := "0"
		if key != eventstore.WholeID {
			id = "1"
		}
		for len(w.streams[id]) == 0 {
			require.NoError(t, p.Apply(w.change()))
		}
		require.NoError(t, s.Close())
		s, p = openOn(t, key, s.disk.Unwrap(), 1<<20)
		version, err := p.Version(id)
		require.NoError(t, err)
		require.Len(t, w.streams[id], int(version))
		require.Len(t, p.answers.streams, 1)
		applied, err := p.Applied(id, "new")
		require.NoError(t, err)
		require.False(t, applied)
		l := look{aggregateID: id, commandID: "new"}
		if key == eventstore.WholeID {
			require.True(t, p.lookInMemory(&l))
		} else {
			name := appendCommand(nil, key.Of(id), "new")
			require.True(t, p.commitInMemory(name).isAbsent)
		}
		require.NoError(t, p.Apply(w.change()))
		p.mu.Lock()
		p.answers.forget()
		p.mu.Unlock()
		require.Empty(t, p.answers.streams)
		require.Empty(t, p.answers.absent)
		require.NoError(t, s.Close())
	})
}
