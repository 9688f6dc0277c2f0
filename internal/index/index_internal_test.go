package index

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func onePartition() Identity {
	return Identity{ClusterID: "c", Topics: map[string]Topic{"t": {ID: "i", Partitions: 2}}}
}

// openOn opens an index whose pieces are small, so that a test's few records are recent, being
// saved, and saved.
func openOn(t *testing.T, fs vfs.FS, pieceBytes int) (*Store, *Partition) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	options := newOptions(logger)
	options.FS, options.MemTableSize = fs, 64<<10
	s, err := open("index", nil, onePartition(), options, logger)
	require.NoError(t, err)
	s.pieceBytes = pieceBytes
	p, err := s.Partition("t", 1)
	require.NoError(t, err)
	return s, p
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// world is what changes made of a partition, as a list that anybody can read.
type world struct {
	rng        *rand.Rand
	names      int // of streams; 0 for many
	streams    map[string][]eventstore.Record
	skipped    []Range
	began      []beginning
	checkpoint Checkpoint
	states     map[int64]Checkpoint // each checkpoint there was, by its offset
}

// beginning is a term that began, and where.
type beginning struct {
	offset int64
	term   Term
}

func newWorld(rng *rand.Rand) *world {
	start := Checkpoint{Term: NoTerm()}
	return &world{
		rng: rng, streams: make(map[string][]eventstore.Record), checkpoint: start,
		states: map[int64]Checkpoint{0: start},
	}
}

func (w *world) name() string {
	if w.names > 0 {
		return fmt.Sprint(w.rng.IntN(w.names))
	}
	return fmt.Sprintf("%0*d", 1+w.rng.IntN(3), w.rng.IntN(40))
}

// change makes some commits, to streams old and new, or what does not count, or a marker.
func (w *world) change() Change {
	var c Change
	next := w.checkpoint.Next
	for range 1 + w.rng.IntN(4) {
		if w.rng.IntN(8) == 0 {
			skipped := Range{Offset: next, Length: 1 + w.rng.IntN(3)}
			c.Skipped, next = append(c.Skipped, skipped), next+int64(skipped.Length)
			continue
		}
		id, n := w.name(), 1+w.rng.IntN(3)
		first := int64(len(w.streams[id])) + 1
		for i := range n {
			r := eventstore.Record{
				Header: event.Header{
					ID: fmt.Sprintf("e-%d", next), Type: "T", Revision: 1, Category: "A", AggregateID: id,
					AggregateVersion: first + int64(i),
					Timestamp:        time.Unix(next, 0).UTC(), CorrelationID: "c",
					CommandID: fmt.Sprintf("k-%d", first),
				},
				Value: make([]byte, w.rng.IntN(200)), Position: event.Position{Partition: 1, Offset: next},
				Commit: eventstore.CommitPart{First: first, Length: n},
			}
			next++
			c.Records = append(c.Records, r)
			w.streams[id] = append(w.streams[id], r)
		}
	}
	for range w.rng.IntN(3) {
		term := Term{ProducerID: w.rng.Int64N(producers), Epoch: int16(len(w.began))}
		c.Terms, w.began = append(c.Terms, term), append(w.began, beginning{next, term})
	}
	c.Checkpoint = Checkpoint{
		Next: next + 1, Term: Term{ProducerID: next, Epoch: int16(w.rng.IntN(9))}, Time: w.rng.Int64(),
		Last: Fingerprint{Offset: next, LeaderEpoch: w.rng.Int32(), Sum: w.rng.Uint32(), Records: w.rng.IntN(2) == 0},
	}
	w.skipped = append(w.skipped, c.Skipped...)
	w.checkpoint = c.Checkpoint
	w.states[c.Checkpoint.Next] = c.Checkpoint
	return c
}

// producers is how many producer ids there are.
const producers = 5

// requireEpochs asks for the greatest epoch of each producer id, as of the offset.
func (w *world) requireEpochs(t *testing.T, p *Partition, end int64) {
	t.Helper()
	want := make(map[int64]int16)
	for _, b := range w.began {
		if b.offset < end {
			want[b.term.ProducerID] = b.term.Epoch
		}
	}
	for id := range int64(producers) {
		epoch, ok, err := p.Epoch(id)
		require.NoError(t, err)
		greatest, began := want[id]
		require.Equal(t, began, ok)
		require.Equal(t, greatest, epoch)
	}
}

// requireSame asks for everything. The index must hold everything before the offset end, and
// nothing else.
func (w *world) requireSame(t *testing.T, p *Partition, end int64) {
	t.Helper()
	w.requireEpochs(t, p, end)
	for i := range 100 {
		for digits := 1; digits <= 3; digits++ {
			id := fmt.Sprintf("%0*d", digits, i)
			var want []eventstore.Record
			for _, r := range w.streams[id] {
				if r.Position.Offset < end {
					want = append(want, r)
				}
			}
			w.requireStream(t, p, id, want)
		}
	}
	var want, wantFrom []int64
	from := w.rng.Int64N(end + 1)
	for _, offset := range offsetsOf(w.skipped) {
		if offset < end {
			want = append(want, offset)
		}
		if offset < end && offset >= from {
			wantFrom = append(wantFrom, offset)
		}
	}
	got, err := p.Skipped(0, end)
	require.NoError(t, err)
	require.Equal(t, want, offsetsOf(got))
	for i := 1; i < len(got); i++ {
		require.Greater(t, got[i].Offset, got[i-1].End(), "ranges that touch are one")
	}
	got, err = p.Skipped(from, end)
	require.NoError(t, err)
	found := slices.DeleteFunc(offsetsOf(got), func(offset int64) bool { return offset < from })
	require.ElementsMatch(t, wantFrom, found)
}

func offsetsOf(ranges []Range) (offsets []int64) {
	for _, x := range ranges {
		for i := range x.Length {
			offsets = append(offsets, x.Offset+int64(i))
		}
	}
	return offsets
}

func (w *world) requireStream(t *testing.T, p *Partition, id string, want []eventstore.Record) {
	t.Helper()
	version, err := p.Version(id)
	require.NoError(t, err)
	require.Len(t, want, int(version), id)
	from := 1 + w.rng.Int64N(version+2)
	var got []eventstore.Record
	for r, err := range p.Stream(id, from) {
		require.NoError(t, err)
		got = append(got, r)
	}
	rest := want[min(from-1, version):]
	require.Len(t, got, len(rest), "stream %s from version %d", id, from)
	for i := range rest {
		require.Equal(t, rest[i], got[i])
	}
	found, err := p.Look(id, "none")
	require.NoError(t, err)
	require.Equal(t, Found{Version: version}, found)
	for _, r := range want {
		found, err := p.Look(id, r.CommandID)
		require.NoError(t, err)
		require.True(t, found.Repeated)
		require.Equal(t, version, found.Version)
		last := r.Commit.First + int64(r.Commit.Length) - 1
		require.Equal(t, Found{
			Version: found.Version, Repeated: true, First: r.Commit.First, Last: last, Position: want[last-1].Position,
			Digest: found.Digest,
		}, found)
	}
}

func TestReadsWhatWasAppliedWhereverItIs(t *testing.T) {
	rng := seeded(t)
	for range 10 {
		w, fs := newWorld(rng), vfs.NewMem()
		s, p := openOn(t, fs, 1+rng.IntN(10_000))
		for range rng.IntN(60) {
			if rng.IntN(20) == 0 {
				require.NoError(t, s.Close())
				_, err := p.Version("1")
				require.ErrorIs(t, err, eventstore.ErrClosed)
				s, p = openOn(t, fs, 1+rng.IntN(10_000))
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
		w, fs := newWorld(rng), vfs.NewCrashableMem()
		s, p := openOn(t, fs, 1+rng.IntN(5_000))
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

		s, p = openOn(t, crashed, 1)
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
// never less of it than before.
func TestReadsAmidChanges(t *testing.T) {
	w := newWorld(seeded(t))
	s, p := openOn(t, vfs.NewMem(), 2_000)
	stop, read := make(chan struct{}), make(chan error)
	for range 4 {
		go func() {
			seen := int64(0)
			for {
				var err error
				n := int64(0)
				for r, failed := range p.Stream("1", 1) {
					n++
					if err = failed; err == nil && r.AggregateVersion != n {
						err = fmt.Errorf("version %d in place %d", r.AggregateVersion, n)
					}
				}
				if err == nil && n < seen {
					err = fmt.Errorf("%d records, and %d before", n, seen)
				}
				seen = n
				select {
				case <-stop:
					read <- err
					return
				default:
					if err != nil {
						read <- err
						return
					}
				}
			}
		}()
	}
	for range 1_000 {
		require.NoError(t, p.Apply(w.change()))
	}
	close(stop)
	for range 4 {
		require.NoError(t, <-read)
	}
	require.NoError(t, s.Close())
}

func TestCheckpointFirstLosesWhatACrashInterrupts(t *testing.T) {
	w, fs := newWorld(seeded(t)), vfs.NewCrashableMem()
	s, p := openOn(t, fs, 1<<20)
	c := w.change()
	require.NoError(t, p.ApplyCheckpointFirst(c))
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	require.NoError(t, s.Close())
	s, p = openOn(t, crashed, 1<<20)
	require.Equal(t, c.Checkpoint, p.Checkpoint(), "the proof needs to see this")
	version, err := p.Version(w.name())
	require.NoError(t, err)
	require.Zero(t, version)
	require.NoError(t, s.Close())
}

func TestFilterKnowsWhatWasAdded(t *testing.T) {
	const n = 20_000
	f := newFilter(1 << 20)
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
	w, fs := newWorld(seeded(t)), vfs.NewMem()
	s, p := openOn(t, fs, 1)
	for range 50 {
		require.NoError(t, p.Apply(w.change()))
	}
	require.NoError(t, s.Close())
	s, p = openOn(t, fs, 1)
	require.False(t, p.absent("nobody"), "not known yet")
	version, err := p.Version("nobody")
	require.NoError(t, err)
	require.Zero(t, version)
	s.working.Wait()
	require.True(t, p.absent("nobody"))
	for id := range w.streams {
		require.False(t, p.absent(id))
	}
	require.NoError(t, s.Close())
}

// Damage is noticed, and the error says what to do. Either the index is refused, or a stream is.
// Every other stream is read as it was.
func TestDamageIsNoticed(t *testing.T) {
	w, fs := newWorld(seeded(t)), vfs.NewMem()
	s, p := openOn(t, fs, 1<<20)
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
	s, err := open("index", nil, onePartition(), options, logger)
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

// unreadable returns how many streams cannot be read; all others must be as they were.
func (w *world) unreadable(t *testing.T, p *Partition) (failed int) {
	t.Helper()
	for id, want := range w.streams {
		n := 0
		var err error
		for r, failed := range p.Stream(id, 1) {
			if err = failed; err == nil {
				require.Equal(t, want[n], r)
				n++
			}
		}
		if err != nil {
			require.ErrorContains(t, err, "it is made again from the topics")
			failed++
			continue
		}
		require.Len(t, want, n)
	}
	return failed
}

// An index of another format is made again. Nothing of it is read, and a folder in its folder
// stays.
func TestOtherFormatIsMadeAnew(t *testing.T) {
	w, dir := newWorld(seeded(t)), t.TempDir()
	logger := slog.New(slog.DiscardHandler)
	openIn := func() (*Store, *Partition) {
		s, err := Open(dir, onePartition(), logger)
		require.NoError(t, err)
		p, err := s.Partition("t", 1)
		require.NoError(t, err)
		return s, p
	}
	s, p := openIn()
	require.NoError(t, p.Apply(w.change()))
	require.NoError(t, s.Close())
	require.NoError(t,
		os.WriteFile(filepath.Join(dir, markFile),
			[]byte("An index of Fencelog. It can be deleted: it is made again from Kafka.\n"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "notes"), 0o700))
	found, err := Inspect(dir, onePartition(), logger)
	require.NoError(t, err)
	require.True(t, found.Outdated)

	for range 2 {
		s, p = openIn()
		require.Equal(t, Checkpoint{Term: NoTerm()}, p.Checkpoint())
		newWorld(w.rng).requireSame(t, p, 0)
		require.NoError(t, s.Close())
	}
	require.DirExists(t, filepath.Join(dir, "notes"))
	found, err = Inspect(dir, onePartition(), logger)
	require.NoError(t, err)
	require.False(t, found.Outdated)
}

// TestLongStreams has streams with more chunks, and more commands, than a look goes through. Some
// records are larger than a chunk should be.
func TestLongStreams(t *testing.T) {
	rng := seeded(t)
	w, fs := newWorld(rng), vfs.NewMem()
	w.names = 3
	s, p := openOn(t, fs, 1<<rng.IntN(20))
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
			s, p = openOn(t, fs, 1<<rng.IntN(20))
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
}

// The files of records are used one after the other, and across restarts.
func TestFilesOfRecordsRoll(t *testing.T) {
	w, fs := newWorld(seeded(t)), vfs.NewMem()
	s, p := openOn(t, fs, 1)
	s.files.maxBytes = 5_000
	for i := range 200 {
		require.NoError(t, p.Apply(w.change()))
		if i%50 == 0 {
			require.NoError(t, s.Close())
			s, p = openOn(t, fs, 1)
			s.files.maxBytes = 5_000
		}
	}
	w.requireSame(t, p, w.checkpoint.Next)
	require.Greater(t, len(s.files.list), 3)
	require.Positive(t, s.Bytes())
	require.NoError(t, s.Close())

	require.NoError(t, fs.Remove("index/"+fileName(1)))
	s, p = openOn(t, fs, 1)
	require.NotZero(t, w.unreadable(t, p))
	require.NoError(t, s.Close())
}
