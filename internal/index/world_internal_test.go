package index

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
)

func onePartition(key eventstore.PartitionKey) Identity {
	return Identity{ClusterID: "c", Topics: map[string]Topic{"t": {ID: "i", Partitions: 2, PartitionKey: key}}}
}

// openOn opens an index whose pieces are small, so that a test's few records are recent, being
// saved, and saved.
func openOn(t *testing.T, key eventstore.PartitionKey, fs vfs.FS, pieceBytes int) (*Store, *Partition) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	options := newOptions(logger)
	options.FS, options.MemTableSize = fs, 64<<10
	s, err := open("index", nil, onePartition(key), options, logger)
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

// withEachKey runs a test once for each partition key.
func withEachKey(t *testing.T, test func(t *testing.T, key eventstore.PartitionKey)) {
	t.Helper()
	for _, key := range []eventstore.PartitionKey{eventstore.WholeID, eventstore.BeforeSlash} {
		t.Run(key.String(), func(t *testing.T) { test(t, key) })
	}
}

func drawKey(rng *rand.Rand) eventstore.PartitionKey { return eventstore.PartitionKey(rng.IntN(2)) }

// world is what changes made of a partition, as a list that anybody can read.
type world struct {
	rng        *rand.Rand
	key        eventstore.PartitionKey
	names      int // of streams; 0 for many
	streams    map[string][]eventstore.Record
	commits    map[string][]madeCommit // by partition key
	skipped    []Range
	began      []beginning
	checkpoint Checkpoint
	states     map[int64]Checkpoint // each checkpoint there was, by its offset
}

// madeCommit is a commit, and what a repetition of its command finds. No command made it if the
// command is empty.
type madeCommit struct {
	command string
	found   Found // but for the version
}

// beginning is a term that began, and where.
type beginning struct {
	offset int64
	term   Term
}

func newWorld(rng *rand.Rand, key eventstore.PartitionKey) *world {
	start := Checkpoint{Term: NoTerm()}
	return &world{
		rng: rng, key: key, streams: make(map[string][]eventstore.Record), commits: make(map[string][]madeCommit),
		checkpoint: start, states: map[int64]Checkpoint{0: start},
	}
}

// someID is a UUID.
const someID = "0190a3c4-7b1e-7cc3-9a51-0123456789af"

// group returns the ids of streams of one partition key. The first one is the partition key itself.
func (w *world) group(partitionKey string) []string {
	if w.key == eventstore.WholeID {
		return []string{partitionKey}
	}
	ids := []string{partitionKey}
	for _, rest := range []string{"0", "1", "2", "01", "", partitionKey, "1/2", someID} {
		ids = append(ids, partitionKey+"/"+rest)
	}
	return ids
}

// partitionKeys returns all partition keys that there may be.
func (w *world) partitionKeys() (keys []string) {
	for digits := 1; digits <= 3; digits++ {
		for i := range 100 {
			keys = append(keys, fmt.Sprintf("%0*d", digits, i))
		}
	}
	if w.key == eventstore.WholeID {
		return keys
	}
	return append(keys[:10], someID, someID[:35]+"0")
}

// draw returns the ids of one partition key to which the next commit writes: one or more, and a
// half of them more than once.
func (w *world) draw() (ids []string) {
	switch {
	case w.key == eventstore.WholeID && w.names > 0:
		ids = []string{fmt.Sprint(w.rng.IntN(w.names))}
	case w.key == eventstore.WholeID:
		ids = []string{fmt.Sprintf("%0*d", 1+w.rng.IntN(3), w.rng.IntN(40))}
	case w.names > 0:
		ids = w.some(w.group("1")[:w.names])
	default:
		keys := w.partitionKeys()
		ids = w.some(w.group(keys[w.rng.IntN(len(keys))]))
	}
	for range w.rng.IntN(3) {
		ids = append(ids, ids[w.rng.IntN(len(ids))])
	}
	w.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids
}

// some returns one to four of the ids.
func (w *world) some(ids []string) []string {
	w.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(1+w.rng.IntN(4), len(ids))]
}

// commit makes a commit whose first record has the offset.
func (w *world) commit(offset int64) (records []eventstore.Record) {
	ids := w.draw()
	partitionKey := w.key.Of(ids[0])
	made := madeCommit{found: Found{Repeated: true}}
	if w.rng.IntN(8) > 0 {
		made.command = fmt.Sprintf("k-%d", len(w.commits[partitionKey]))
		made.found.Digest = []string{"", "f00d", fmt.Sprintf("%032x", w.rng.Uint64())}[w.rng.IntN(3)]
	}
	for i, id := range ids {
		version := int64(len(w.streams[id])) + 1
		r := eventstore.Record{
			Header: event.Header{
				ID: fmt.Sprintf("e-%d", offset), Type: "T", Revision: 1, Category: "A", AggregateID: id,
				AggregateVersion: version, Timestamp: time.Unix(offset, 0).UTC(), CorrelationID: "c",
				CommandID: made.command,
			},
			Value: make([]byte, w.rng.IntN(200)), Position: event.Position{Partition: 1, Offset: offset},
			Commit: eventstore.CommitPart{Index: i + 1, Size: len(ids), Several: slices.Max(ids) != slices.Min(ids)},
		}
		if i == 0 {
			r.CommandDigest = made.found.Digest
		}
		at := slices.IndexFunc(made.found.Written, func(x Written) bool { return x.ID == id })
		if at < 0 {
			at = len(made.found.Written)
			made.found.Written = append(made.found.Written, Written{ID: id, First: version})
		}
		made.found.Written[at].Last, made.found.Position = version, r.Position
		offset++
		records, w.streams[id] = append(records, r), append(w.streams[id], r)
	}
	w.commits[partitionKey] = append(w.commits[partitionKey], made)
	return records
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
		records := w.commit(next)
		c.Records, next = append(c.Records, records...), next+int64(len(records))
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
	for _, partitionKey := range w.partitionKeys() {
		for _, id := range w.group(partitionKey) {
			w.requireStream(t, p, id, end)
		}
		w.requireCommands(t, p, partitionKey, end)
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

// recordsOf returns the stream's records before the offset end.
func (w *world) recordsOf(id string, end int64) []eventstore.Record {
	records := w.streams[id]
	n := len(records)
	for n > 0 && records[n-1].Position.Offset >= end {
		n--
	}
	return records[:n]
}

func (w *world) requireStream(t *testing.T, p *Partition, id string, end int64) {
	t.Helper()
	want := w.recordsOf(id, end)
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
}

// requireCommands asks for each command of the partition key, with one of its streams, and for some
// that are not applied there.
func (w *world) requireCommands(t *testing.T, p *Partition, partitionKey string, end int64) {
	t.Helper()
	ids, commits := w.group(partitionKey), w.commits[partitionKey]
	ask := func(command string, want Found) {
		id := ids[w.rng.IntN(len(ids))]
		want.Version = int64(len(w.recordsOf(id, end)))
		found, err := p.Look(id, command)
		require.NoError(t, err)
		require.Equal(t, want, found, "command %s with stream %s", command, id)
		applied, err := p.Applied(id, command)
		require.NoError(t, err)
		require.Equal(t, want.Repeated, applied, "command %s with stream %s", command, id)
	}
	for _, c := range commits {
		switch {
		case c.command == "":
		case c.found.Position.Offset >= end:
			ask(c.command, Found{})
		default:
			ask(c.command, c.found)
		}
	}
	for _, command := range []string{"", "none", fmt.Sprintf("k-%d", len(commits))} { // other keys have the last one
		ask(command, Found{})
	}
}

// unreadable returns how many streams cannot be read, and how many of some commands. All others
// must be as they were.
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
	for partitionKey, commits := range w.commits {
		for _, c := range commits {
			if c.command == "" || w.rng.IntN(10) > 0 {
				continue
			}
			found, err := p.Look(partitionKey, c.command)
			if err != nil {
				require.ErrorContains(t, err, "it is made again from the topics")
				failed++
				continue
			}
			c.found.Version = int64(len(w.streams[partitionKey]))
			require.Equal(t, c.found, found)
		}
	}
	return failed
}
