package partition

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// progressStep is the number of offsets between two lines of progress.
const progressStep = 500_000

// follow reads the partition from the index's checkpoint on, applies what counts, and returns once
// done says so of the checkpoint. The end of the partition is never guessed: done names what must have been read.
func (o *Owner) follow(ctx context.Context, done func(index.Checkpoint) bool) error {
	defer o.link.conns.CutWhenDone(ctx)()
	var pause backoff
	for {
		at := o.cfg.Index.Checkpoint()
		if done(at) {
			return nil
		}
		block, err := o.fetch(at.Next)
		if err == nil {
			pause = backoff{}
			if err := o.applyAll(block, at.Next, done); err != nil {
				return err
			}
			continue
		}
		if errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return o.corrupt(at.Next, "this offset is not in the partition, expected it to be: its records were deleted or "+
				"the topic was made anew; restore the topic, or point the service at one that is whole")
		}
		if kindOf(err) != passing {
			return err
		}
		o.link.reset()
		if stopped := pause.wait(ctx); stopped != nil {
			return fmt.Errorf("%w; the last attempt to read offset %d: %w", stopped, at.Next, err)
		}
	}
}

func (o *Owner) fetch(offset int64) (*sarama.FetchResponseBlock, error) {
	b, err := o.link.leader()
	if err != nil {
		return nil, err
	}
	return fetch(b, o.cfg.Topic, o.cfg.Partition, offset)
}

func (o *Owner) applyAll(block *sarama.FetchResponseBlock, from int64, done func(index.Checkpoint) bool) error {
	if block.LogStartOffset > 0 {
		return o.corrupt(0, fmt.Sprintf("the partition begins at offset %d, expected 0: its first records were deleted, and an index cannot "+
			"be made again without them; restore the topic and set retention.ms and retention.bytes to -1", block.LogStartOffset))
	}
	for _, set := range block.RecordsSet {
		if set.RecordBatch == nil {
			return o.corrupt(from, "a message set of the format before Kafka 0.11, expected record batches: "+
				"the topic holds messages that this library did not write")
		}
		if set.RecordBatch.PartialTrailingRecord {
			return nil // the next fetch brings it whole
		}
		if err := o.apply(set.RecordBatch); err != nil {
			return err
		}
		if done(o.cfg.Index.Checkpoint()) {
			return nil
		}
	}
	if next := o.cfg.Index.Checkpoint().Next; next/progressStep != from/progressStep {
		o.cfg.Logger.Info("catching up", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
			"offset", next, "end", block.HighWaterMarkOffset)
	}
	return nil
}

// apply is the reader rule, for one batch.
//
// Invariant 3: a batch counts if and only if it is no transaction's and carries the term of the last marker before it.
// A transaction's data never counts, though its own marker stands before its next one.
// Invariant 4: of a batch that counts, a commit counts if it is whole and continues its stream. What does not
// count is skipped, counted and logged.
func (o *Owner) apply(b *sarama.RecordBatch) error {
	at := o.cfg.Index.Checkpoint()
	if b.LastOffset() < at.Next {
		return nil
	}
	term := wire.Term{ProducerID: b.ProducerID, Epoch: b.ProducerEpoch}
	c := index.Change{Checkpoint: index.Checkpoint{Next: b.LastOffset() + 1, Term: at.Term}}
	switch {
	case b.Control:
		if wire.IsMarker(b) {
			c.Checkpoint.Term = term
		}
	case b.IsTransactional, term != at.Term:
		c.Skipped = o.skip(nil, index.Range{Offset: b.FirstOffset, Length: int(b.LastOffsetDelta) + 1}, fmt.Sprintf(
			"a batch of term %s, transactional: %t, expected %s: its writer is not the owner; let only this service write to the topic",
			term, b.IsTransactional, at.Term))
	default:
		records, err := o.decode(b)
		if err == nil {
			c.Records, c.Skipped, err = o.continuing(records)
		}
		if err != nil {
			return err
		}
	}
	return o.change(c)
}

func (o *Owner) decode(b *sarama.RecordBatch) ([]eventstore.Record, error) {
	records := make([]eventstore.Record, len(b.Records))
	for i, raw := range b.Records {
		offset := b.FirstOffset + raw.OffsetDelta
		r, err := wire.Decode(raw)
		if err == nil && r.AggregateType != o.cfg.AggregateType {
			err = fmt.Errorf("aggregate type %q, expected %q", r.AggregateType, o.cfg.AggregateType)
		}
		if err != nil {
			return nil, o.corrupt(offset, fmt.Sprintf("a record of the owner's that is no event of this library: %v", err))
		}
		r.Position = event.Position{Partition: o.cfg.Partition, Offset: offset}
		if o.cfg.Broken.ForgetCommands {
			r.CommandID = ""
		}
		records[i] = r
	}
	return records, nil
}

// continuing parts the records into those of the commits that are whole and continue their streams, and the others.
func (o *Owner) continuing(records []eventstore.Record) (counted []eventstore.Record, skipped []index.Range, err error) {
	counted = records[:0]
	versions := make(map[string]int64)
	for len(records) > 0 {
		first := &records[0]
		version, known := versions[first.AggregateID]
		if !known {
			if version, err = o.cfg.Index.Version(first.AggregateID); err != nil {
				return nil, nil, err
			}
		}
		n := commitLength(records)
		if first.AggregateVersion != version+1 || first.Commit.First != version+1 || first.Commit.Length != n {
			skipped = o.skip(skipped, index.Range{Offset: first.Position.Offset, Length: n}, fmt.Sprintf(
				"%s at version %d, %d of %d events of its commit, expected version %d and all of them",
				first.AggregateID, first.AggregateVersion, n, first.Commit.Length, version+1))
		} else {
			versions[first.AggregateID] = version + int64(n)
			counted = append(counted, records[:n]...)
		}
		records = records[n:]
	}
	return counted, skipped, nil
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

// skip adds r to what does not count, and tells of it.
func (o *Owner) skip(skipped []index.Range, r index.Range, why string) []index.Range {
	o.skipped.Add(int64(r.Length))
	o.cfg.Logger.Warn("records do not count and are skipped", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
		"offset", r.Offset, "records", r.Length, "why", why)
	return append(skipped, r)
}

func (o *Owner) corrupt(offset int64, found string) error {
	return &CorruptError{Topic: o.cfg.Topic, Partition: o.cfg.Partition, Offset: offset, Found: found}
}
