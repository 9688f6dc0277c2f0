package rule

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

func (f *Follower) applyAll(
	block *log.Fetched, d *recordbatch.Decoder, from int64, done func(index.Checkpoint) bool,
) error {
	if err := f.begun(block.LogStart); err != nil {
		return err
	}
	read := f.nothingRead(block, d)
	for i := range block.Batches {
		if err := f.read(read, &block.Batches[i]); err != nil {
			return errors.Join(f.applyRead(read), err)
		}
		if done(read.Checkpoint) {
			break
		}
		if len(read.Records) >= applyRecords {
			if err := f.applyRead(read); err != nil {
				return err
			}
			read = f.nothingRead(block, d)
		}
	}
	if err := f.applyRead(read); err != nil {
		return err
	}
	if errors.Is(block.Malformed, recordbatch.ErrOldFormat) {
		return f.Corrupt(from, "a message set of the format before Kafka 0.11, expected record batches: "+
			"the topic holds messages that this library did not write")
	}
	f.progress.read(read.Checkpoint.Next, block.HighWatermark)
	if f.cfg.Read != nil {
		f.cfg.Read(read.Checkpoint.Next, block.HighWatermark)
	}
	f.skips.tell(false)
	return nil
}

// applyRecords is how many records are read before they are applied. The batch that reaches the
// number is read to its end.
const applyRecords = 10_000

// reading is what was read and will be applied to the index in one change.
type reading struct {
	index.Change
	versions map[string]int64     // by stream in the reading: the version once it is applied
	ahead    map[string]int64     // the same, with the commit that is being judged
	decoder  *recordbatch.Decoder // holds the records' bytes until it is applied
	last     *recordbatch.Batch   // the last batch that was read; nil if none was
	raws     []sarama.Record      // records of the last batch, if it is the owner's; otherwise nil
}

// nothingRead returns a reading with room for what the block holds.
func (f *Follower) nothingRead(block *log.Fetched, d *recordbatch.Decoder) *reading {
	d.Reset()
	records := int64(0)
	for i := range block.Batches {
		records += int64(block.Batches[i].Count)
	}
	return &reading{
		Change: index.Change{
			Records: make([]eventstore.Record, 0, min(records, applyRecords)), Checkpoint: f.cfg.Index.Checkpoint(),
		},
		versions: make(map[string]int64), ahead: make(map[string]int64),
		decoder: d,
	}
}

func (f *Follower) applyRead(r *reading) error {
	if r.last == nil {
		return nil
	}
	if r.raws != nil { // of the last batch only, as batches are read by the thousand
		r.Checkpoint.Last = wire.ReadFingerprint(r.last, r.raws)
	} else {
		r.Checkpoint.Last = wire.HeaderFingerprint(r.last)
	}
	f.watcher.Counted(len(r.Records))
	if f.before != nil {
		f.before(r.Records)
	}
	return f.Apply(r.Change)
}

// read is the reader rule, for one batch.
//
// Invariant 3: a batch counts if and only if
//   - it is no transaction's, and
//   - it has the term of the last marker before it that began a term: see readControl.
//
// A transaction's data never counts, though its own marker may stand before its next batch. A
// producer that is not idempotent writes with producer id -1, which NoTerm has, too. Its batches
// never count, also not before the first marker, when nobody is the owner.
//
// Invariant 4: of a batch that counts, a commit counts if it is whole and continues all of its
// streams; see count. The rest is skipped, counted and logged.
func (f *Follower) read(r *reading, b *recordbatch.Batch) error {
	if b.LastOffset() < r.Checkpoint.Next {
		return nil
	}
	if err := log.Continues(b, r.Checkpoint.Next, f.cfg.Topic, f.cfg.Partition); err != nil {
		return err
	}
	term := index.Term{ProducerID: b.ProducerID, Epoch: b.ProducerEpoch}
	var raws []sarama.Record
	switch {
	case b.Control:
		if err := f.readControl(r, b); err != nil {
			return err
		}
	case b.IsTransactional, b.ProducerID < 0, term != r.Checkpoint.Term:
		if err := log.Counted(b, f.cfg.Topic, f.cfg.Partition); err != nil {
			return err
		}
		f.skip(r, index.Range{Offset: b.FirstOffset, Length: int(b.LastOffsetDelta) + 1}, func() string {
			return fmt.Sprintf("a batch of term %s, transactional: %t, expected %s: its writer is not the owner; "+
				"let only this service write to the topic", term, b.IsTransactional, r.Checkpoint.Term)
		})
	default:
		before := len(r.Records)
		var err error
		if raws, err = f.decode(r, b); err != nil {
			r.Records = r.Records[:before]
			return err
		}
		if err := f.count(r, before); err != nil {
			return err
		}
	}
	r.Checkpoint.Next = b.LastOffset() + 1
	r.last, r.raws = b, raws
	return nil
}

// decode appends the records of the batch to those read, and returns them as they stand in it.
func (f *Follower) decode(read *reading, b *recordbatch.Batch) ([]sarama.Record, error) {
	raws, err := f.recordsOf(read.decoder, b, "a batch of the owner's")
	if err != nil {
		return nil, err
	}
	for i := range raws {
		offset := b.FirstOffset + raws[i].OffsetDelta
		r, err := wire.Decode(&raws[i])
		if err == nil && r.Category != f.cfg.Category {
			err = fmt.Errorf("category %q, expected %q", r.Category, f.cfg.Category)
		}
		if err != nil {
			return nil, f.Corrupt(offset, fmt.Sprintf("a record of the owner's that is no event of this library: %v",
				err))
		}
		r.Position = event.Position{Partition: f.cfg.Partition, Offset: offset}
		if f.cfg.Broken.ForgetCommands {
			r.CommandID = ""
		}
		read.Records = append(read.Records, r)
	}
	return raws, nil
}

// recordsOf returns the records of a batch that the follower must understand. It fails with a
// *[log.CorruptError]
//   - if a record is missing;
//   - if neither this library nor a broker writes such a batch.
func (f *Follower) recordsOf(d *recordbatch.Decoder, b *recordbatch.Batch, which string) ([]sarama.Record, error) {
	raws, err := d.Records(b)
	if err != nil {
		return nil, f.Corrupt(b.FirstOffset, fmt.Sprintf("%s that this library did not write: %v", which, err))
	}
	return raws, log.Complete(b, raws, f.cfg.Topic, f.cfg.Partition)
}

// skip adds the range to those that do not count, and tells of it.
func (f *Follower) skip(read *reading, r index.Range, why func() string) {
	f.skipped.Add(int64(r.Length))
	if f.cfg.Skipped != nil {
		f.cfg.Skipped(r.Offset, r.Length)
	}
	f.skips.add(r, why)
	read.Skipped = append(read.Skipped, r)
}
