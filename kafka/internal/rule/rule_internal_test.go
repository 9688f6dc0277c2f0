package rule

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch/batchtest"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// The test compares the reader rule with a second one that is as simple as can be. The partitions
// hold anything that anybody may have written. They have markers of claims and of foreign
// transactions, and batches of any term and of none. They have commits that are partial, that come
// twice, or that continue nothing.
func TestReaderRule(t *testing.T) { rapid.Check(t, readerRule) }

func FuzzReaderRule(f *testing.F) { f.Fuzz(rapid.MakeFuzz(readerRule)) }

func readerRule(t *rapid.T) {
	l := &drawnLog{T: t, versions: make(map[string]int64), counting: make(map[string][]string)}
	for range rapid.IntRange(1, 25).Draw(t, "batches") {
		l.add()
	}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	store, err := index.Open("",
		index.Identity{ClusterID: "c", Topics: map[string]index.Topic{
			"t": {ID: "i", Partitions: 1, PartitionKey: eventstore.BeforeSlash},
		}}, logger)
	require.NoError(t, err)
	defer store.Close()
	idx, err := store.Partition("t", 0)
	require.NoError(t, err)
	cfg := Config{Topic: "t", Partitions: 1, Category: "A", Key: eventstore.BeforeSlash, Index: idx, Logger: logger}
	f := &Follower{cfg: cfg, watcher: nobody{}, progress: newProgress(&cfg), skips: newSkips(&cfg)}
	l.feed(f)

	found := idx.Checkpoint()
	require.Equal(t, l.next, found.Next)
	require.Equal(t, l.term(), found.Term)
	require.Equal(t, l.time, found.Time)
	require.Equal(t, l.lastOfOwner, found.Last.Records)
	last := parsed(t, l.batches[len(l.batches)-1:])[0]
	require.NoError(t, f.compare(&last, new(recordbatch.Decoder)))
	if own := l.batches[len(l.batches)-1]; l.lastOfOwner {
		require.True(t, wire.WrittenFingerprint(own, own.FirstOffset).Same(found.Last))
	}
	require.Equal(t, l.marker, f.marker)
	for _, id := range streams {
		var found []string
		for r, err := range idx.Stream(id, 1) {
			require.NoError(t, err)
			found = append(found, fmt.Sprintf("%s at %d", r.ID, r.Position.Offset))
		}
		require.Equal(t, l.counting[id], found, "stream %s", id)
		version, err := idx.Version(id)
		require.NoError(t, err)
		require.Equal(t, l.versions[id], version)
	}
	ranges, err := idx.Skipped(0, l.next)
	require.NoError(t, err)
	var skipped []int64
	for _, r := range ranges {
		for i := range r.Length {
			skipped = append(skipped, r.Offset+int64(i))
		}
	}
	require.Equal(t, l.skipped, skipped)
	require.Equal(t, int64(len(l.skipped)), f.skipped.Load())
}

var (
	streams = []string{"a/1", "a/2", "a"}
	terms   = []index.Term{
		index.NoTerm(),
		{ProducerID: 1},
		{ProducerID: 1, Epoch: 1},
		{ProducerID: 1, Epoch: 2},
		{ProducerID: 2},
		{ProducerID: 2, Epoch: 1},
	}
)

// drawnLog is a partition as it is drawn, and what the rule says of it.
type drawnLog struct {
	*rapid.T
	batches []*sarama.RecordBatch
	next    int64
	events  int

	markers     []index.Term // all that were written
	marker      Marker       // the last one
	time        int64        // of the latest event that counts
	lastOfOwner bool         // the last batch is the owner's
	versions    map[string]int64
	counting    map[string][]string // of the stream, in order
	skipped     []int64             // offsets of data that does not count
}

func (l *drawnLog) add() {
	switch rapid.SampledFrom([]string{"data", "data", "data", "marker", "control"}).Draw(l.T, "batch") {
	case "marker":
		term := rapid.SampledFrom(terms[1:]).Draw(l.T, "term")
		kind := rapid.SampledFrom([]byte{0, 1}).Draw(l.T, "type")
		before := l.term()
		l.marker = Marker{Offset: l.next, Term: term, Aborts: kind == 0}
		l.control(term, kind)
		l.markers = append(l.markers, term)
		l.marker.Began = l.term() != before
	case "control":
		// a leader change, as compacted topics have it, is no marker
		l.control(rapid.SampledFrom(terms).Draw(l.T, "term"), 2)
	default:
		l.data()
	}
}

// term is the rule of terms, written a second time. The owner's term is that of the last marker
// that is newer than all earlier ones of its producer id.
func (l *drawnLog) term() index.Term {
	for i := len(l.markers) - 1; i >= 0; i-- {
		newest := true
		for _, before := range l.markers[:i] {
			newest = newest && (before.ProducerID != l.markers[i].ProducerID || before.Epoch < l.markers[i].Epoch)
		}
		if newest {
			return l.markers[i]
		}
	}
	return index.NoTerm()
}

func (l *drawnLog) control(term index.Term, kind byte) {
	l.append(&sarama.RecordBatch{
		Version: 2, Control: true, ProducerID: term.ProducerID, ProducerEpoch: term.Epoch,
		Records: []*sarama.Record{{Key: []byte{0, 0, 0, kind}}},
	})
}

func (l *drawnLog) append(b *sarama.RecordBatch) {
	b.FirstOffset, b.LastOffsetDelta = l.next, int32(len(b.Records)-1)
	l.next += int64(len(b.Records))
	l.batches = append(l.batches, b)
	l.lastOfOwner = false
}

// data adds a batch of commits. Mostly an owner would write such a batch, as otherwise little would
// count.
func (l *drawnLog) data() {
	often := func(what string) bool { return rapid.IntRange(0, 9).Draw(l.T, what) < 7 }
	term := l.term()
	if !often("of the owner") {
		term = rapid.SampledFrom(terms).Draw(l.T, "term")
	}
	ahead := maps.Clone(l.versions)
	var records []eventstore.Record
	for range rapid.IntRange(1, 4).Draw(l.T, "commits") {
		commit := l.commit(ahead, often)
		if !often("whole") {
			from := rapid.IntRange(0, len(commit)-1).Draw(l.T, "from")
			commit = commit[from:rapid.IntRange(from+1, len(commit)).Draw(l.T, "to")]
		}
		records = append(records, commit...)
		if !often("once") {
			records = append(records, commit...)
		}
	}
	b := wire.NewBatch(term, 0, records)
	b.IsTransactional = rapid.IntRange(0, 9).Draw(l.T, "a transaction's") == 9
	first := l.next
	l.append(b)
	l.judge(b, first, records)
}

// commit draws a commit of one stream or of several. ahead has the versions of the streams, and is
// kept up to date.
func (l *drawnLog) commit(ahead map[string]int64, often func(string) bool) []eventstore.Record {
	rs := make([]eventstore.Record, rapid.IntRange(1, 4).Draw(l.T, "length"))
	several := rapid.Bool().Draw(l.T, "several streams")
	id := rapid.SampledFrom(streams).Draw(l.T, "stream")
	for i := range rs {
		if several {
			id = rapid.SampledFrom(streams).Draw(l.T, "stream of a record")
		}
		version := ahead[id] + 1
		if (several || i == 0) && !often("continues") {
			version = rapid.Int64Range(1, version+2).Draw(l.T, "version")
		}
		ahead[id] = version
		index := i + 1
		if !often("in order") {
			index = rapid.IntRange(1, min(len(rs), int(version))).Draw(l.T, "index")
		}
		l.events++
		rs[i] = eventstore.Record{
			Header: event.Header{
				ID: fmt.Sprint(l.events), Type: "E", Revision: 1,
				Category: "A", AggregateID: id, AggregateVersion: version,
				Timestamp: time.Unix(rapid.Int64Range(1, 9).Draw(l.T, "time"), 0).UTC(),
			},
			Value: []byte("v"), Commit: eventstore.CommitPart{Index: index, Size: len(rs), Several: several},
		}
	}
	return rs
}

// judge is the rule, written a second time. It goes record by record, and shares no code with the
// first.
func (l *drawnLog) judge(b *sarama.RecordBatch, offset int64, records []eventstore.Record) {
	term := l.term()
	counts := !b.IsTransactional && b.ProducerID >= 0 && b.ProducerID == term.ProducerID &&
		b.ProducerEpoch == term.Epoch
	l.lastOfOwner = counts
	for i := 0; i < len(records); {
		n := records[i].Commit.Size
		if !counts || !l.whole(records[i:]) {
			l.skipped = append(l.skipped, offset+int64(i))
			i++
			continue
		}
		for k, r := range records[i : i+n] {
			l.time = max(l.time, r.Timestamp.UnixNano())
			counts := fmt.Sprintf("%s at %d", r.ID, offset+int64(i+k))
			l.counting[r.AggregateID] = append(l.counting[r.AggregateID], counts)
			l.versions[r.AggregateID]++
		}
		i += n
	}
}

// whole reports whether records begin with a whole commit that continues its streams.
func (l *drawnLog) whole(records []eventstore.Record) bool {
	size, several := records[0].Commit.Size, records[0].Commit.Several
	if len(records) < size {
		return false
	}
	seen := make(map[string]int64)
	for k, r := range records[:size] {
		if r.Commit != (eventstore.CommitPart{Index: k + 1, Size: size, Several: several}) ||
			!several && r.AggregateID != records[0].AggregateID {
			return false
		}
		seen[r.AggregateID]++
		if r.AggregateVersion != l.versions[r.AggregateID]+seen[r.AggregateID] {
			return false
		}
	}
	return !several || len(seen) > 1
}

// feed makes the follower read the log in fetches. They may be cut anywhere, begin too early, and
// end with half a batch.
func (l *drawnLog) feed(f *Follower) {
	decoder := new(recordbatch.Decoder) // its memory is used again
	for at := 0; at < len(l.batches); {
		from := max(at-rapid.IntRange(0, 2).Draw(l.T, "too early"), 0)
		to := rapid.IntRange(at+1, len(l.batches)).Draw(l.T, "until")
		half := batchtest.Encode(l.batches[to-1])
		half = half[:rapid.IntRange(0, len(half)-1).Draw(l.T, "of one more")]
		block := &log.Fetched{HighWatermark: l.next, Batches: parsed(l.T, l.batches[from:to], half...)}
		require.NoError(l.T, f.applyAll(block, decoder, f.cfg.Index.Checkpoint().Next, func(index.Checkpoint) bool {
			return false
		}))
		at = to
	}
}

// parsed returns the batches as a reader finds them in the bytes of a log. more are the bytes
// behind them.
func parsed(t require.TestingT, batches []*sarama.RecordBatch, more ...byte) []recordbatch.Batch {
	var data []byte
	for _, b := range batches {
		data = append(data, batchtest.Encode(b)...)
	}
	found, err := recordbatch.Parse(append(data, more...))
	require.NoError(t, err)
	require.Len(t, found, len(batches))
	return found
}
