package rule

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch/batchtest"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// nobody watches.
type nobody struct{}

func (nobody) Marked(index.Term, bool) {}
func (nobody) Counted(int)             {}

// testFollower follows partition 0 of a topic, with an index in memory.
func testFollower(t *testing.T, partitions int32) *Follower {
	t.Helper()
	return followerByKey(t, partitions, eventstore.WholeID)
}

// followerByKey does the same for a category with a partition key.
func followerByKey(t *testing.T, partitions int32, key eventstore.PartitionKey) *Follower {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	id := index.Identity{ClusterID: "c", Topics: map[string]index.Topic{
		"t": {ID: "i", Partitions: partitions, PartitionKey: key},
	}}
	store, err := index.Open("", id, logger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	idx, err := store.Partition("t", 0)
	require.NoError(t, err)
	cfg := Config{Topic: "t", Partitions: partitions, Category: "A", Key: key, Index: idx, Logger: logger}
	return &Follower{cfg: cfg, watcher: nobody{}, progress: newProgress(&cfg), skips: newSkips(&cfg)}
}

// feed makes the follower read batches from their bytes.
func (f *Follower) feed(t *testing.T, batches ...*sarama.RecordBatch) error {
	t.Helper()
	block := &log.Fetched{Batches: parsed(t, batches)}
	return f.applyAll(block, new(recordbatch.Decoder), f.cfg.Index.Checkpoint().Next, func(index.Checkpoint) bool {
		return false
	})
}

func ownersMarker(offset int64, term index.Term) *sarama.RecordBatch {
	return &sarama.RecordBatch{
		Version: 2, FirstOffset: offset, Control: true, ProducerID: term.ProducerID, ProducerEpoch: term.Epoch,
		Records: []*sarama.Record{{Key: []byte{0, 0, 0, 1}}},
	}
}

// ownersBatch holds events of the stream, each a commit, from a version on.
func ownersBatch(offset int64, term index.Term, id string, from int64, n int) *sarama.RecordBatch {
	records := make([]eventstore.Record, n)
	for i := range records {
		version := from + int64(i)
		records[i] = eventstore.Record{
			Header: event.Header{
				ID: "e", Type: "E", Revision: 1, Category: "A", AggregateID: id, AggregateVersion: version,
				Timestamp: time.Unix(1, 0),
			},
			Value: []byte("v"), Commit: eventstore.CommitPart{Index: 1, Size: 1},
		}
	}
	b := wire.NewBatch(term, 0, records)
	b.FirstOffset = offset
	return b
}

// A compacted log lacks batches, records of batches, or all the records of a batch whose header
// stays. The follower tells of each, with its place.
func TestHolesInTheLogAreFound(t *testing.T) {
	term := index.Term{ProducerID: 1}
	whole := func() []*sarama.RecordBatch {
		return []*sarama.RecordBatch{
			ownersMarker(0, term), ownersBatch(1, term, "a", 1, 4),
			ownersBatch(5, term, "a", 5, 3),
		}
	}
	require.NoError(t, testFollower(t, 1).feed(t, whole()...))
	for name, c := range map[string]struct {
		spoil func([]*sarama.RecordBatch) []*sarama.RecordBatch
		first int64 // that is missing
		want  string
	}{
		"the first batch": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch { return b[1:] }, 0,
			"the records from offset 0 to 0 are missing",
		},
		"a batch": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch { return append(b[:1], b[2]) }, 1,
			"the records from offset 1 to 4 are missing",
		},
		"a marker's record": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch { b[0].Records = nil; return b }, 0,
			"the records from offset 0 to 0 are missing",
		},
		"a batch's first records": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch { b[1].Records = b[1].Records[2:]; return b },
			1, "the records from offset 1 to 2 are missing",
		},
		"a record amid a batch": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch {
				b[1].Records = append(b[1].Records[:1], b[1].Records[2:]...)
				return b
			},
			2, "the records from offset 2 to 2 are missing",
		},
		"a batch's last record": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch { b[2].Records = b[2].Records[:2]; return b },
			7, "the records from offset 7 to 7 are missing",
		},
		"a record of a batch that does not count": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch {
				b[1].ProducerID, b[1].Records = 9, b[1].Records[1:]
				return b
			},
			1, "of the 4 records from offset 1 to 4 1 are missing",
		},
		"all of a batch's records": {
			func(b []*sarama.RecordBatch) []*sarama.RecordBatch { b[1].Records = nil; return b },
			1, "the records from offset 1 to 4 are missing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := testFollower(t, 1).feed(t, c.spoil(whole())...)
			var corrupt *log.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.ErrorIs(t, err, log.ErrRecordsMissing)
			require.Equal(t, c.first, corrupt.Offset)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// If a batch lies across the index's checkpoint, the index has not read it.
func TestABatchAcrossTheCheckpointIsAnotherLogs(t *testing.T) {
	term := index.Term{ProducerID: 1}
	f := testFollower(t, 1)
	require.NoError(t, f.feed(t, ownersMarker(0, term), ownersBatch(1, term, "a", 1, 2)))
	require.NoError(t, f.feed(t, ownersBatch(1, term, "a", 1, 2)), "what was read already is passed over")
	err := f.feed(t, ownersBatch(2, term, "a", 2, 2))
	require.ErrorIs(t, err, log.ErrLogRewritten)
	require.Equal(t, int64(3), f.cfg.Index.Checkpoint().Next)
}

// Anything may stand in the place of the owner's last batch, also bytes that cannot be decoded.
func TestAnotherBatchInThePlaceOfTheLastIsFound(t *testing.T) {
	term := index.Term{ProducerID: 1}
	f := testFollower(t, 1)
	own := ownersBatch(1, term, "a", 1, 2)
	require.NoError(t, f.feed(t, ownersMarker(0, term), own))
	compare := func(encoded []byte) error {
		found, err := recordbatch.Parse(encoded)
		require.NoError(t, err)
		return f.compare(&found[0], new(recordbatch.Decoder))
	}
	require.NoError(t, compare(batchtest.Encode(own)))
	require.ErrorIs(t, compare(batchtest.Encode(ownersBatch(1, term, "b", 1, 2))), log.ErrLogRewritten)
	require.ErrorIs(t, compare(batchtest.Frame(own, 2, []byte("no records"))), log.ErrLogRewritten)
	own.Records = own.Records[:1]
	require.ErrorIs(t, compare(batchtest.Encode(own)), log.ErrRecordsMissing)
}

func TestStreamsOfAnotherPartitionAreFound(t *testing.T) {
	const here, elsewhere = "0", "1" // of two partitions
	require.Equal(t, 0, wire.PartitionOf(here, 2))
	require.Equal(t, 1, wire.PartitionOf(elsewhere, 2))
	term := index.Term{ProducerID: 1}
	f := testFollower(t, 2)
	require.NoError(t, f.feed(t, ownersMarker(0, term), ownersBatch(1, term, here, 1, 1)))
	require.NoError(t, f.feed(t, ownersBatch(2, index.Term{ProducerID: 2}, elsewhere, 1, 1)),
		"a foreign batch may be of any stream")
	require.NoError(t, f.feed(t, ownersBatch(3, term, elsewhere, 2, 1)), "so may be a commit that does not count")
	err := f.feed(t, ownersBatch(4, term, elsewhere, 1, 1))
	var corrupt *log.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.ErrorIs(t, err, log.ErrPartitionsChanged)
	require.Equal(t, int64(4), corrupt.Offset)
	require.ErrorContains(t, err,
		`stream "1" is here, and by its partition key "1" (whole-id) it belongs to partition 1 of 2`)
}

// The partition key of a stream decides where it belongs, and a commit has one partition key.
func TestPartitionKeysAreChecked(t *testing.T) {
	term := index.Term{ProducerID: 1}
	commit := func(offset int64, ids ...string) *sarama.RecordBatch {
		records := make([]eventstore.Record, len(ids))
		for i, id := range ids {
			records[i] = eventstore.Record{
				Header: event.Header{
					ID: "e", Type: "E", Revision: 1, Category: "A", AggregateID: id, AggregateVersion: 1,
					Timestamp: time.Unix(1, 0),
				},
				Value: []byte("v"), Commit: eventstore.CommitPart{Index: i + 1, Size: len(ids), Several: true},
			}
		}
		b := wire.NewBatch(term, 0, records)
		b.FirstOffset = offset
		return b
	}
	f := followerByKey(t, 2, eventstore.BeforeSlash)
	require.NoError(t, f.feed(t, ownersMarker(0, term), commit(1, "0/a", "0/b", "0")))
	require.Equal(t, 0, wire.PartitionOf("6", 2), "and so keys 0 and 6 meet in a partition")
	require.ErrorContains(t, f.feed(t, commit(4, "0/c", "6/a")),
		`a commit of two partition keys (before-slash), "0" of stream "0/c" and "6" of stream "6/a"`)
	f = followerByKey(t, 2, eventstore.BeforeSlash)
	err := f.feed(t, ownersMarker(0, term), commit(1, "0/a", "1/a"))
	require.ErrorIs(t, err, log.ErrPartitionsChanged)
	require.ErrorContains(t, err, `stream "1/a" is here, and by its partition key "1" (before-slash)`)
}

// A term that has ended does not begin again, also if a later marker of it follows.
func TestEndedTermsStayEnded(t *testing.T) {
	one, two, other := index.Term{ProducerID: 1}, index.Term{ProducerID: 1, Epoch: 1}, index.Term{ProducerID: 2}
	f := testFollower(t, 1)
	require.NoError(t, f.feed(t, ownersMarker(0, one), ownersMarker(1, other), ownersMarker(2, one)))
	require.Equal(t, other, f.cfg.Index.Checkpoint().Term)
	require.Equal(t, Marker{Offset: 2, Term: one}, f.marker)
	require.NoError(t, f.feed(t, ownersMarker(3, one), ownersBatch(4, one, "a", 1, 1)))
	require.Equal(t, int64(1), f.skipped.Load())
	require.NoError(t, f.feed(t, ownersMarker(5, other), ownersBatch(6, other, "a", 1, 1)),
		"its own marker again ends no term")
	require.Equal(t, int64(1), f.skipped.Load())
	require.NoError(t, f.feed(t, ownersMarker(7, two)))
	require.Equal(t, two, f.cfg.Index.Checkpoint().Term)
}
