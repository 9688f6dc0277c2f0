package partition

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// follower keeps the index of one partition up to date with the log. One goroutine at a time uses it: whoever follows
// the partition, or owns it.
type follower struct {
	cfg      Config
	link     *link
	wait     time.Duration // of a fetch for the first batch
	skipped  atomic.Int64
	high     atomic.Int64 // the end of the partition, as a broker told last
	claims   claims
	progress progress
	marker   marker                // that was read last, whether it changed anything or not
	last     markers               // of the term there was
	refused  atomic.Pointer[error] // why a broker refuses the reading now; nil once one has accepted it
}

func newFollower(cfg Config) *follower {
	f := &follower{
		cfg: cfg, wait: soon, link: newLink(cfg.Client, cfg.Topic, cfg.Partition), claims: noClaims(), progress: newProgress(&cfg),
	}
	f.link.verify = f.verify
	return f
}

// follow reads the partition from the index's checkpoint on, applies what counts, and returns once
// done says so of the checkpoint. The end of the partition is never guessed: done names what must have been read.
func (f *follower) follow(ctx context.Context, done func(index.Checkpoint) bool) error {
	defer f.link.conns.CutWhenDone(ctx)()
	f.progress.begin()
	var pause backoff
	for {
		at := f.cfg.Index.Checkpoint()
		if done(at) {
			return nil
		}
		block, err := f.fetch(at.Next)
		if err == nil {
			pause = backoff{}
			if err := f.applyAll(block, at.Next, done); err != nil {
				return err
			}
			continue
		}
		if final(err) {
			return err
		}
		f.link.suspected = f.link.suspected || errors.Is(err, sarama.ErrOffsetOutOfRange) // see verify
		if stopped := f.tryAgain(ctx, &pause, err); stopped != nil {
			return fmt.Errorf("%w; the last attempt to read offset %d: %w", stopped, at.Next, err)
		}
	}
}

// followToEnd reads up to the end that the partition's leader has now.
func (f *follower) followToEnd(ctx context.Context) error {
	defer f.link.conns.CutWhenDone(ctx)()
	var pause backoff
	for {
		end, err := f.end()
		if err == nil {
			return f.follow(ctx, func(c index.Checkpoint) bool { return c.Next >= end })
		}
		if final(err) {
			return err
		}
		if stopped := f.tryAgain(ctx, &pause, err); stopped != nil {
			return fmt.Errorf("%w; the last attempt to find the end: %w", stopped, err)
		}
	}
}

// tryAgain gets ready for another attempt after one that failed, unless ctx ends.
func (f *follower) tryAgain(ctx context.Context, pause *backoff, err error) error {
	if ctx.Err() != nil { // that is why it failed; the leader may be the right one
		f.link.drop()
		return context.Cause(ctx)
	}
	if pause.tells() {
		f.cfg.Logger.Warn("the partition's leader does not answer, and is asked again", "topic", f.cfg.Topic, "partition", f.cfg.Partition,
			"failures", pause.failures, "error", err)
	}
	f.link.reset()
	return pause.wait(ctx)
}

// end returns the high watermark: the offset after the last record that is replicated.
func (f *follower) end() (int64, error) {
	b, err := f.link.leader()
	if err != nil {
		return 0, err
	}
	end, err := offsetAt(b, f.cfg.Topic, f.cfg.Partition, sarama.OffsetNewest)
	if err == nil {
		f.high.Store(end)
	}
	return end, err
}

func (f *follower) fetch(offset int64) (*sarama.FetchResponseBlock, error) {
	b, err := f.link.leader()
	if err != nil {
		return nil, err
	}
	block, err := fetch(b, f.cfg.Topic, f.cfg.Partition, offset, fetchBytes, f.wait)
	if err == nil {
		f.high.Store(block.HighWaterMarkOffset)
		f.refused.Store(nil)
	}
	return block, err
}

func (f *follower) applyAll(block *sarama.FetchResponseBlock, from int64, done func(index.Checkpoint) bool) error {
	if err := f.begun(block.LogStartOffset); err != nil {
		return err
	}
	read := f.nothingRead(block)
	for _, set := range block.RecordsSet {
		if set.RecordBatch == nil {
			return errors.Join(f.applyRead(read), f.corrupt(from, "a message set of the format before Kafka 0.11, expected record batches: "+
				"the topic holds messages that this library did not write"))
		}
		if set.RecordBatch.PartialTrailingRecord {
			break // the next fetch brings it whole
		}
		if err := f.read(read, set.RecordBatch); err != nil {
			return errors.Join(f.applyRead(read), err)
		}
		if done(read.Checkpoint) {
			break
		}
		if len(read.Records) >= applyRecords {
			if err := f.applyRead(read); err != nil {
				return err
			}
			read = f.nothingRead(block)
		}
	}
	if err := f.applyRead(read); err != nil {
		return err
	}
	f.progress.read(read.Checkpoint.Next, block.HighWaterMarkOffset)
	return nil
}

// applyRecords is how many records are read before they are applied; those of the last batch come on top.
const applyRecords = 10_000

// reading is what was read and is to be applied to the index at once.
type reading struct {
	index.Change
	versions map[string]int64    // of the streams in it, once it is applied
	last     *sarama.RecordBatch // that was read; nil if none was
}

// nothingRead returns a reading with room for what the block holds.
func (f *follower) nothingRead(block *sarama.FetchResponseBlock) *reading {
	records := 0
	for _, set := range block.RecordsSet {
		if set.RecordBatch != nil {
			records += len(set.RecordBatch.Records)
		}
	}
	return &reading{
		Change: index.Change{
			Records: make([]eventstore.Record, 0, min(records, applyRecords+maxBatchRecords)), Checkpoint: f.cfg.Index.Checkpoint(),
		},
		versions: make(map[string]int64),
	}
}

func (f *follower) applyRead(r *reading) error {
	if r.last == nil {
		return nil
	}
	r.Checkpoint.Last = wire.FingerprintOf(r.last, r.Checkpoint.Last.Records) // of the last one only: most are read by the thousand
	f.claims.signs += int64(len(r.Records))
	return f.change(r.Change)
}

// read is the reader rule, for one batch.
//
// Invariant 3: a batch counts if and only if it is no transaction's and carries the term of the last marker before it that began one:
// see readControl.
// A transaction's data never counts, though its own marker stands before its next one. Nor does what a producer that is not
// idempotent writes: it carries producer id -1, as NoTerm does, and before the first marker nobody is the owner.
// Invariant 4: of a batch that counts, a commit counts if it is whole and continues its stream. What does not
// count is skipped, counted and logged.
func (f *follower) read(r *reading, b *sarama.RecordBatch) error {
	if b.LastOffset() < r.Checkpoint.Next {
		return nil
	}
	if err := f.continues(b, r.Checkpoint.Next); err != nil {
		return err
	}
	term := wire.Term{ProducerID: b.ProducerID, Epoch: b.ProducerEpoch}
	owners := false
	switch {
	case b.Control:
		if err := f.readControl(r, b); err != nil {
			return err
		}
	case b.IsTransactional, b.ProducerID < 0, term != r.Checkpoint.Term:
		f.skip(r, index.Range{Offset: b.FirstOffset, Length: int(b.LastOffsetDelta) + 1}, fmt.Sprintf(
			"a batch of term %s, transactional: %t, expected %s: its writer is not the owner; let only this service write to the topic",
			term, b.IsTransactional, r.Checkpoint.Term))
	default:
		owners = true
		before := len(r.Records)
		if err := f.decode(r, b); err != nil {
			r.Records = r.Records[:before]
			return err
		}
		if err := f.count(r, before); err != nil {
			return err
		}
	}
	r.Checkpoint.Next = b.LastOffset() + 1
	r.last, r.Checkpoint.Last = b, wire.Fingerprint{Records: owners}
	return nil
}

// change applies to the index, in the wrong order if the proof wants to see that found out.
func (f *follower) change(c index.Change) error {
	if f.cfg.Broken.CheckpointBeforeData {
		return f.cfg.Index.ApplyCheckpointFirst(c)
	}
	return f.cfg.Index.Apply(c)
}

// decode appends the records of the batch to those read.
func (f *follower) decode(read *reading, b *sarama.RecordBatch) error {
	if err := f.complete(b); err != nil {
		return err
	}
	for _, raw := range b.Records {
		offset := b.FirstOffset + raw.OffsetDelta
		r, err := wire.Decode(raw)
		if err == nil && r.AggregateType != f.cfg.AggregateType {
			err = fmt.Errorf("aggregate type %q, expected %q", r.AggregateType, f.cfg.AggregateType)
		}
		if err != nil {
			return f.corrupt(offset, fmt.Sprintf("a record of the owner's that is no event of this library: %v", err))
		}
		r.Position = event.Position{Partition: f.cfg.Partition, Offset: offset}
		if f.cfg.Broken.ForgetCommands {
			r.CommandID = ""
		}
		read.Records = append(read.Records, r)
	}
	return nil
}

// count keeps, of the records read from place first on, those of the commits that are whole and continue their streams, and skips
// the others.
func (f *follower) count(read *reading, from int) (err error) {
	records := read.Records[from:]
	read.Records = read.Records[:from]
	for len(records) > 0 {
		first := &records[0]
		version, known := read.versions[first.AggregateID]
		if !known {
			if version, err = f.cfg.Index.Version(first.AggregateID); err != nil {
				return err
			}
		}
		n := commitLength(records)
		if first.AggregateVersion != version+1 || first.Commit.First != version+1 || first.Commit.Length != n {
			f.skip(read, index.Range{Offset: first.Position.Offset, Length: n}, fmt.Sprintf(
				"%s at version %d, %d of %d events of its commit, expected version %d and all of them",
				first.AggregateID, first.AggregateVersion, n, first.Commit.Length, version+1))
		} else {
			if err := f.belongsHere(first); err != nil {
				return err
			}
			for i := range records[:n] {
				read.Checkpoint.Time = max(read.Checkpoint.Time, index.TimeOf(records[i].Timestamp))
			}
			read.versions[first.AggregateID] = version + int64(n)
			read.Records = append(read.Records, records[:n]...)
		}
		records = records[n:]
	}
	return nil
}

// commitLength returns how many records from the first on belong to its commit, in version order.
func commitLength(records []eventstore.Record) int {
	first := &records[0]
	n := 1
	for n < len(records) && n < first.Commit.Length {
		r := &records[n]
		if r.AggregateID != first.AggregateID || r.Commit != first.Commit || r.AggregateVersion != first.AggregateVersion+int64(n) {
			break
		}
		n++
	}
	return n
}

// skip adds the range to what does not count, and tells of it.
func (f *follower) skip(read *reading, r index.Range, why string) {
	f.skipped.Add(int64(r.Length))
	f.cfg.Observer.skipped(r.Offset, r.Length)
	f.cfg.Logger.Warn("records do not count and are skipped", "topic", f.cfg.Topic, "partition", f.cfg.Partition,
		"offset", r.Offset, "records", r.Length, "why", why)
	read.Skipped = append(read.Skipped, r)
}

func (f *follower) notOwner(cause error) error {
	return &NotOwnerError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Cause: cause}
}

func (f *follower) corrupt(offset int64, found string) error {
	return &CorruptError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Found: found}
}
