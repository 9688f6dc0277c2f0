package index

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadsWhatWasAppliedWhereverItIs(t *testing.T) {
	rng := seeded(t)
	for range 10 {
		w, fs := newWorld(rng, drawKey(rng)), vfs.NewMem()
		s, p := openOn(t, w.key, fs, 1+rng.IntN(10_000))
		for range rng.IntN(60) {
			if rng.IntN(20) == 0 {
				require.NoError(t, s.Close())
				_, err := p.Version("1")
				require.ErrorIs(t, err, eventstore.ErrClosed)
				s, p = openOn(t, w.key, fs, 1+rng.IntN(10_000))
			}
			require.NoError(t, p.Apply(w.change()))
			require.Equal(t, w.checkpoint, p.Checkpoint())
			if rng.IntN(4) == 0 {
				w.requireSame(t, p, w.checkpoint.Next)
			}
		}
		w.requireSame(t, p, w.checkpoint.Next)
		require.NoError(t, s.Close())
	}
}

// A crash leaves the index as it was at some checkpoint. The changes from there on, applied again,
// make it whole.
func TestAfterACrashTheIndexIsWhatItOnceWas(t *testing.T) {
	rng := seeded(t)
	for range 10 {
		w, fs := newWorld(rng, drawKey(rng)), vfs.NewCrashableMem()
		s, p := openOn(t, w.key, fs, 1+rng.IntN(5_000))
		var changes []Change
		var crashed *vfs.MemFS
		n := rng.IntN(200)
		for i := range n + 20 {
			if i == n {
				crashed = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			}
			changes = append(changes, w.change())
			require.NoError(t, p.Apply(changes[i]))
		}
		require.NoError(t, s.Close())

		s, p = openOn(t, w.key, crashed, 1)
		at := p.Checkpoint()
		require.Contains(t, w.states, at.Next)
		require.Equal(t, w.states[at.Next], at)
		w.requireSame(t, p, at.Next)
		for _, c := range changes {
			if c.Checkpoint.Next > at.Next {
				require.NoError(t, p.Apply(c))
			}
		}
		w.requireSame(t, p, w.checkpoint.Next)
		require.NoError(t, s.Close())
	}
}

// One goroutine applies, others read. They see each stream from version 1 on, without a gap, and
// never less of it than before. They see the commands of what they read.
func TestReadsAmidChanges(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		w := newWorld(seeded(t), key)
		s, p := openOn(t, key, vfs.NewMem(), 2_000)
		stop, read := make(chan struct{}), make(chan error)
		for range 4 {
			go func() { read <- readAgain(p, "1", stop) }()
		}
		for range 500 {
			require.NoError(t, p.Apply(w.change()))
		}
		close(stop)
		for range 4 {
			require.NoError(t, <-read)
		}
		require.NoError(t, s.Close())
	})
}

// readAgain reads a stream again and again until it is told to stop.
func readAgain(p *Partition, id string, stop <-chan struct{}) error {
	seen := int64(0)
	for {
		n := int64(0)
		command := ""
		for r, err := range p.Stream(id, 1) {
			if n++; err != nil || r.AggregateVersion != n {
				return fmt.Errorf("version %d in place %d: %w", r.AggregateVersion, n, err)
			}
			command = r.CommandID
		}
		if n < seen {
			return fmt.Errorf("%d records, and %d before", n, seen)
		}
		seen = n
		if applied, err := p.Applied(id, command); err != nil || applied != (command != "") {
			return fmt.Errorf("version %d was read, and its command %q is applied: %t, %w", n, command, applied, err)
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

func TestCheckpointFirstLosesWhatACrashInterrupts(t *testing.T) {
	const key = eventstore.WholeID
	w, fs := newWorld(seeded(t), key), vfs.NewCrashableMem()
	s, p := openOn(t, key, fs, 1<<20)
	c := w.change()
	for len(c.Records) == 0 {
		c = w.change()
	}
	require.NoError(t, p.ApplyCheckpointFirst(c))
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	require.NoError(t, s.Close())
	s, p = openOn(t, key, crashed, 1<<20)
	require.Equal(t, c.Checkpoint, p.Checkpoint(), "the proof needs to see this")
	for id := range w.streams {
		version, err := p.Version(id)
		require.NoError(t, err)
		require.Zero(t, version)
	}
	require.NoError(t, s.Close())
}

func TestFilterKnowsWhatWasAdded(t *testing.T) {
	const n = 20_000
	f := newFilter(60 << 10)
	for i := range n {
		f.add(fmt.Sprint("in-", i))
	}
	wrong := 0
	for i := range n {
		require.True(t, f.mayHave(fmt.Sprint("in-", i)))
		if f.mayHave(fmt.Sprint("out-", i)) {
			wrong++
		}
	}
	t.Logf("%.2f %% of the absent seem to be there, in %d layers", 100*float64(wrong)/n, len(f.layers))
	require.Less(t, wrong, n/20)
	require.Greater(t, len(f.layers), 2)
	require.False(t, f.over)

	full := newFilter(10 << 10)
	bytes := 0
	for i := range n {
		full.add(fmt.Sprint("in-", i))
	}
	for _, l := range full.layers {
		bytes += len(l.blocks) * blockBytes
	}
	require.LessOrEqual(t, bytes, 10<<10)
	require.True(t, full.mayHave("whatever"), "what had no room may be anything")
}

// After a restart the filter knows nothing, and then everything again.
func TestFilterIsLearnedAgain(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		w, fs := newWorld(seeded(t), key), vfs.NewMem()
		s, p := openOn(t, key, fs, 1)
		for range 50 {
			require.NoError(t, p.Apply(w.change()))
		}
		require.NoError(t, s.Close())
		s, p = openOn(t, key, fs, 1)
		require.False(t, p.absent("nobody"), "not known yet")
		version, err := p.Version("nobody")
		require.NoError(t, err)
		require.Zero(t, version)
		s.working.Wait()
		require.True(t, p.absent("nobody"))
		for id := range w.streams {
			require.False(t, p.absent(id))
		}
		keys := 0
		for _, l := range p.known.layers {
			keys += l.keys
		}
		require.Len(t, w.streams, keys, "streams alone are learned")
		require.NoError(t, s.Close())
	})
}

// Damage is noticed, and the error says what to do. Either the index is refused, or a stream is.
// Every other stream is read as it was.
func TestDamageIsNoticed(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		w, fs := newWorld(seeded(t), key), vfs.NewMem()
		s, p := openOn(t, key, fs, 1<<20)
		for range 400 {
			require.NoError(t, p.Apply(w.change()))
		}
		require.NoError(t, s.Close())
		const parts = 8
		tables, records := damage{}, damage{}
		for part := range parts {
			tables.do(t, w, fs, "*.sst", part, parts)
			records.do(t, w, fs, "records-*", part, parts)
		}
		t.Logf("tables %+v, records %+v", tables, records)
		require.NotZero(t, tables.refused)
		require.NotZero(t, tables.failed)
		require.NotZero(t, records.failed)
	})
}

// damage is what came of damaged files.
type damage struct {
	refused int // indexes
	failed  int // streams of those that were not
}

// do damages the files of that name at one of some places, evenly spread.
func (d *damage) do(t *testing.T, w *world, fs *vfs.MemFS, name string, part, parts int) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	options := newOptions(logger)
	options.FS = damagedCopy(t, fs, name, part, parts)
	s, err := open("index", nil, onePartition(w.key), options, logger)
	if err != nil {
		var unusable *UnusableError
		require.ErrorAs(t, err, &unusable)
		require.ErrorContains(t, err, "delete it: it is made again from the topics")
		d.refused++
		return
	}
	p, err := s.Partition("t", 1)
	require.NoError(t, err)
	d.failed += w.unreadable(t, p)
	if err := s.Close(); err != nil { // it was to be merged
		require.ErrorContains(t, err, "delete it: it is made again from the topics")
	}
}

func damagedCopy(t *testing.T, fs *vfs.MemFS, pattern string, part, parts int) *vfs.MemFS {
	t.Helper()
	damaged := vfs.NewMem()
	_, err := vfs.Clone(fs, damaged, "index", "index")
	require.NoError(t, err)
	names, err := damaged.List("index")
	require.NoError(t, err)
	for _, name := range names {
		if is, err := filepath.Match(pattern, name); err != nil || !is {
			require.NoError(t, err)
			continue
		}
		f, err := damaged.OpenReadWrite("index/"+name, vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("damage"), 100+(info.Size()-106)*int64(part)/int64(parts))
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return damaged
}

// An index of another format, older or newer, is made again. Nothing of it is read, not even of
// which topics it is. A folder in its folder stays.
func TestOtherFormatIsMadeAnew(t *testing.T) {
	for name, mark := range map[string]string{
		"without a number": "An index of Fencelog. It can be deleted: it is made again from Kafka.\n",
		"older":            strings.Replace(markText(), "format 6", "format 5", 1),
		"newer":            strings.Replace(markText(), "format 6", "format 7", 1),
	} {
		t.Run(name, func(t *testing.T) { testMadeAnew(t, mark) })
	}
}

func testMadeAnew(t *testing.T, mark string) {
	require.NotEqual(t, markText(), mark)
	w, dir := newWorld(seeded(t), eventstore.WholeID), t.TempDir()
	logger := slog.New(slog.DiscardHandler)
	openIn := func(key eventstore.PartitionKey) (*Store, *Partition) {
		s, err := Open(dir, onePartition(key), logger)
		require.NoError(t, err)
		p, err := s.Partition("t", 1)
		require.NoError(t, err)
		return s, p
	}
	s, p := openIn(w.key)
	require.NoError(t, p.Apply(w.change()))
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, markFile), []byte(mark), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "notes"), 0o700))
	now := newWorld(w.rng, eventstore.BeforeSlash)
	found, err := Inspect(dir, onePartition(now.key), logger)
	require.NoError(t, err)
	require.True(t, found.Outdated)

	for range 2 {
		s, p = openIn(now.key)
		require.Equal(t, Checkpoint{Term: NoTerm()}, p.Checkpoint())
		now.requireSame(t, p, 0)
		require.NoError(t, s.Close())
	}
	require.DirExists(t, filepath.Join(dir, "notes"))
	found, err = Inspect(dir, onePartition(now.key), logger)
	require.NoError(t, err)
	require.False(t, found.Outdated)
}

// TestLongStreams has streams with more chunks, and more commands, than a look goes through. Some
// records are larger than a chunk should be.
func TestLongStreams(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		rng := seeded(t)
		w, fs := newWorld(rng, key), vfs.NewMem()
		w.names = 3
		s, p := openOn(t, key, fs, 1<<rng.IntN(20))
		for range 1_000 {
			c := w.change()
			for i := range c.Records {
				if r := &c.Records[i]; rng.IntN(50) == 0 {
					r.Value = make([]byte, rng.IntN(3*maxChunkBytes))
					w.streams[r.AggregateID][r.AggregateVersion-1].Value = r.Value
				}
			}
			require.NoError(t, p.Apply(c))
			if rng.IntN(200) == 0 {
				require.NoError(t, s.Close())
				s, p = openOn(t, key, fs, 1<<rng.IntN(20))
			}
		}
		w.requireSame(t, p, w.checkpoint.Next)
		for id, records := range w.streams {
			t.Logf("%d events", len(records))
			require.Greater(t, len(records), 2*markedVersions)
			for range 100 {
				from := 1 + rng.Int64N(int64(len(records)))
				end := from + rng.Int64N(int64(len(records))-from+1)
				next := from
				for r, err := range p.Range(id, from, end) {
					require.NoError(t, err)
					require.Equal(t, records[next-1], r)
					next++
				}
				require.Equal(t, end+1, next)
				r, ok, err := p.At(id, from)
				require.NoError(t, err)
				require.True(t, ok)
				require.Equal(t, records[from-1], r)
			}
		}
		require.NoError(t, s.Close())
	})
}

// The files of records are used one after the other, and across restarts.
func TestFilesOfRecordsRoll(t *testing.T) {
	withEachKey(t, func(t *testing.T, key eventstore.PartitionKey) {
		w, fs := newWorld(seeded(t), key), vfs.NewMem()
		s, p := openOn(t, key, fs, 1)
		s.files.maxBytes = 5_000
		for i := range 200 {
			require.NoError(t, p.Apply(w.change()))
			if i%50 == 0 {
				require.NoError(t, s.Close())
				s, p = openOn(t, key, fs, 1)
				s.files.maxBytes = 5_000
			}
		}
		w.requireSame(t, p, w.checkpoint.Next)
		require.Greater(t, len(s.files.list), 3)
		require.Positive(t, s.Bytes())
		require.NoError(t, s.Close())

		require.NoError(t, fs.Remove("index/"+fileName(1)))
		s, p = openOn(t, key, fs, 1)
		require.NotZero(t, w.unreadable(t, p))
		require.NoError(t, s.Close())
	})
}
