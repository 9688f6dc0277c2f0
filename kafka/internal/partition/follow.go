package partition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/retry"
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
	skips    skips
	marker   marker                // that was read last, whether it changed anything or not
	garbled  int                   // fetches in a row whose bytes were no batches
	last     markers               // of the term there was
	refused  atomic.Pointer[error] // why a broker refuses the reading now; nil once one has accepted it
}

func newFollower(cfg Config) *follower {
	f := &follower{
		cfg: cfg, wait: log.Soon, link: newLink(cfg.Client, cfg.Topic, cfg.Partition), claims: noClaims(), progress: newProgress(&cfg), skips: newSkips(&cfg),
		marker: noMarker(), last: markers{commit: noMarker(), abort: noMarker()},
	}
	f.link.verify = f.verify
	return f
}

// follow reads the partition from the index's checkpoint on, applies what counts, and returns once
// done says so of the checkpoint. The end of the partition is never guessed: done names what must have been read.
func (f *follower) follow(ctx context.Context, done func(index.Checkpoint) bool) error {
	defer f.link.conns.CutWhenDone(ctx)()
	defer f.skips.tell(true)
	f.progress.begin()
	var pause retry.Backoff
	for {
		at := f.cfg.Index.Checkpoint()
		if done(at) {
			return nil
		}
		fetched, err := f.fetchAndApply(at.Next, done)
		if fetched {
			if err != nil {
				return err
			}
			pause = retry.Backoff{}
			continue
		}
		if log.Final(err) {
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
	var pause retry.Backoff
	for {
		end, err := f.end()
		if err == nil {
			return f.follow(ctx, func(c index.Checkpoint) bool { return c.Next >= end })
		}
		if log.Final(err) {
			return err
		}
		if stopped := f.tryAgain(ctx, &pause, err); stopped != nil {
			return fmt.Errorf("%w; the last attempt to find the end: %w", stopped, err)
		}
	}
}

// tryAgain gets ready for another attempt after one that failed, unless ctx ends.
func (f *follower) tryAgain(ctx context.Context, pause *retry.Backoff, err error) error {
	if ctx.Err() != nil { // that is why it failed; the leader may be the right one
		f.link.drop()
		return context.Cause(ctx)
	}
	if pause.Tells() {
		f.cfg.Logger.Warn("the partition's leader does not answer, and is asked again", "topic", f.cfg.Topic, "partition", f.cfg.Partition,
			"for", pause.Lasts().Round(time.Millisecond), "error", err)
	}
	f.link.reset()
	return pause.Wait(ctx)
}

// end returns the high watermark: the offset after the last record that is replicated.
func (f *follower) end() (int64, error) {
	b, err := f.link.leader()
	if err != nil {
		return 0, err
	}
	end, err := log.OffsetAt(b.Broker, f.cfg.Topic, f.cfg.Partition, sarama.OffsetNewest)
	if err == nil {
		f.high.Store(end)
	}
	return end, err
}

// fetchAndApply fetches some batches and applies what counts. It reports whether they were fetched: otherwise it is worth another
// attempt. An error of what was fetched is final.
func (f *follower) fetchAndApply(offset int64, done func(index.Checkpoint) bool) (fetched bool, err error) {
	m := memories.Get().(*memory)
	defer m.release()
	block, err := f.fetch(offset, m)
	if err != nil {
		return false, err
	}
	var malformed *recordbatch.MalformedError
	if err := f.applyAll(block, &m.decoder, offset, done); err != nil || !errors.As(block.Malformed, &malformed) {
		f.garbled = 0
		return true, err
	}
	return false, f.garble(malformed, f.cfg.Index.Checkpoint().Next)
}

// garble counts a fetch from the offset on whose bytes are no batches. It returns the error, which is final once there were enough.
func (f *follower) garble(malformed *recordbatch.MalformedError, from int64) error {
	if f.garbled++; f.garbled < log.GarbledFetches {
		return malformed
	}
	return f.corrupt(max(malformed.Offset, from), fmt.Sprintf(
		"no record batch, asked for %d times: %v: %s; the broker's disk may be damaged; make another replica the leader, or restore the topic",
		f.garbled, malformed.Err, malformed.Found))
}

// memory is what a follower reads batches into. It is free again once they are applied: the index keeps nothing of it.
type memory struct {
	room    []byte
	decoder recordbatch.Decoder
}

// memories are what followers share, as most of them read little most of the time.
//
//nolint:gochecknoglobals // pools are shared
var memories = sync.Pool{New: func() any { return new(memory) }}

func (m *memory) release() {
	m.decoder.Reset()
	memories.Put(m)
}

func (f *follower) fetch(offset int64, m *memory) (*log.Fetched, error) {
	b, err := f.link.leader()
	if err != nil {
		return nil, err
	}
	block, err := log.Fetch(b, log.Request{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Epoch: log.AnyLeaderEpoch, MaxBytes: log.FetchBytes, Wait: f.wait,
	}, m.room)
	if err == nil {
		m.room = block.Room
		f.high.Store(block.HighWatermark)
		f.refused.Store(nil)
	}
	return block, err
}

func (f *follower) applyAll(block *log.Fetched, d *recordbatch.Decoder, from int64, done func(index.Checkpoint) bool) error {
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
		return f.corrupt(from, "a message set of the format before Kafka 0.11, expected record batches: "+
			"the topic holds messages that this library did not write")
	}
	f.progress.read(read.Checkpoint.Next, block.HighWatermark)
	f.skips.tell(false)
	return nil
}

// applyRecords is how many records are read before they are applied; those of the last batch come on top.
const applyRecords = 10_000

// reading is what was read and is to be applied to the index at once.
type reading struct {
	index.Change
	versions map[string]int64     // of the streams in it, once it is applied
	decoder  *recordbatch.Decoder // holds the records' bytes until it is applied
	last     *recordbatch.Batch   // that was read; nil if none was
	raws     []sarama.Record      // of the last batch, if it is the owner's; otherwise nil
}

// nothingRead returns a reading with room for what the block holds.
func (f *follower) nothingRead(block *log.Fetched, d *recordbatch.Decoder) *reading {
	d.Reset()
	records := int64(0)
	for i := range block.Batches {
		records += int64(block.Batches[i].Count)
	}
	return &reading{
		Change: index.Change{
			Records: make([]eventstore.Record, 0, min(records, applyRecords)), Checkpoint: f.cfg.Index.Checkpoint(),
		},
		versions: make(map[string]int64),
		decoder:  d,
	}
}

func (f *follower) applyRead(r *reading) error {
	if r.last == nil {
		return nil
	}
	if r.raws != nil { // of the last one only: most are read by the thousand
		r.Checkpoint.Last = wire.ReadFingerprint(r.last, r.raws)
	} else {
		r.Checkpoint.Last = wire.HeaderFingerprint(r.last)
	}
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
func (f *follower) read(r *reading, b *recordbatch.Batch) error {
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
			return fmt.Sprintf("a batch of term %s, transactional: %t, expected %s: its writer is not the owner; let only this service "+
				"write to the topic", term, b.IsTransactional, r.Checkpoint.Term)
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

// change applies to the index, in the wrong order if the proof wants to see that found out.
func (f *follower) change(c index.Change) error {
	if f.cfg.Broken.CheckpointBeforeData {
		return f.cfg.Index.ApplyCheckpointFirst(c)
	}
	return f.cfg.Index.Apply(c)
}

// decode appends the records of the batch to those read, and returns them as they stand in it.
func (f *follower) decode(read *reading, b *recordbatch.Batch) ([]sarama.Record, error) {
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
			return nil, f.corrupt(offset, fmt.Sprintf("a record of the owner's that is no event of this library: %v", err))
		}
		r.Position = event.Position{Partition: f.cfg.Partition, Offset: offset}
		if f.cfg.Broken.ForgetCommands {
			r.CommandID = ""
		}
		read.Records = append(read.Records, r)
	}
	return raws, nil
}

// recordsOf returns the records of a batch that must be known. It fails with a *[log.CorruptError] if one is missing, and if the batch is
// none that this library, or a broker, writes.
func (f *follower) recordsOf(d *recordbatch.Decoder, b *recordbatch.Batch, which string) ([]sarama.Record, error) {
	raws, err := d.Records(b)
	if err != nil {
		return nil, f.corrupt(b.FirstOffset, fmt.Sprintf("%s that this library did not write: %v", which, err))
	}
	return raws, log.Complete(b, raws, f.cfg.Topic, f.cfg.Partition)
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
			f.skip(read, index.Range{Offset: first.Position.Offset, Length: n}, func() string {
				return fmt.Sprintf("%s at version %d, %d of %d events of its commit, expected version %d and all of them",
					first.AggregateID, first.AggregateVersion, n, first.Commit.Length, version+1)
			})
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
func (f *follower) skip(read *reading, r index.Range, why func() string) {
	f.skipped.Add(int64(r.Length))
	f.cfg.Observer.skipped(r.Offset, r.Length)
	f.skips.add(r, why)
	read.Skipped = append(read.Skipped, r)
}

func (f *follower) notOwner(cause error) error {
	return &NotOwnerError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Cause: cause}
}

func (f *follower) corrupt(offset int64, found string) error {
	return &log.CorruptError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Found: found}
}
