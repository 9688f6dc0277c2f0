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

// A fetch brings at most this many bytes, and waits at most this long for the first.
const (
	fetchBytes   = 4 << 20
	fetchWaitMs  = 250
	progressStep = 500_000 // records between two lines of progress
)

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
			if err := o.applyAll(block, at.Next); err != nil {
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
	r := &sarama.FetchRequest{
		Version: 11, MaxWaitTime: fetchWaitMs, MinBytes: 1, MaxBytes: fetchBytes, Isolation: sarama.ReadUncommitted,
	}
	r.AddBlock(o.cfg.Topic, o.cfg.Partition, offset, fetchBytes, -1)
	response, err := b.Fetch(r)
	if err != nil {
		return nil, err
	}
	if response.ErrorCode != int16(sarama.ErrNoError) {
		return nil, sarama.KError(response.ErrorCode)
	}
	block := response.GetBlock(o.cfg.Topic, o.cfg.Partition)
	if block == nil {
		return nil, fmt.Errorf("fetch from %s: the answer does not name the partition", b.Addr())
	}
	return block, noneIsNil(block.Err)
}

func (o *Owner) applyAll(block *sarama.FetchResponseBlock, from int64) error {
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
	next := index.Checkpoint{Next: b.LastOffset() + 1, Term: at.Term}
	if b.Control {
		if wire.IsMarker(b) {
			next.Term = term
		}
		o.cfg.Index.Apply(nil, next)
		return nil
	}
	if b.IsTransactional || term != at.Term {
		o.skip(b.FirstOffset, len(b.Records), fmt.Sprintf("batch of term %s (transactional %t), expected %s: "+
			"a writer that is not the owner; let only this service write to the topic", term, b.IsTransactional, at.Term))
		o.cfg.Index.Apply(nil, next)
		return nil
	}
	records, err := o.decode(b)
	if err != nil {
		return err
	}
	o.cfg.Index.Apply(o.continuing(records), next)
	return nil
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
		records[i] = r
	}
	return records, nil
}

// continuing returns the records of the commits that are whole and continue their streams.
func (o *Owner) continuing(records []eventstore.Record) []eventstore.Record {
	counted := records[:0]
	versions := make(map[string]int64)
	for len(records) > 0 {
		first := &records[0]
		version, known := versions[first.AggregateID]
		if !known {
			version = o.cfg.Index.Version(first.AggregateID)
		}
		n := commitLength(records)
		if first.AggregateVersion != version+1 || first.Commit.First != version+1 || first.Commit.Length != n {
			o.skip(first.Position.Offset, n, fmt.Sprintf("%s at version %d, %d of %d events of its commit, expected version %d and all of them",
				first.AggregateID, first.AggregateVersion, n, first.Commit.Length, version+1))
		} else {
			versions[first.AggregateID] = version + int64(n)
			counted = append(counted, records[:n]...)
		}
		records = records[n:]
	}
	return counted
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

func (o *Owner) skip(offset int64, records int, why string) {
	o.skipped.Add(int64(records))
	o.cfg.Logger.Warn("records do not count and are skipped", "topic", o.cfg.Topic, "partition", o.cfg.Partition,
		"offset", offset, "records", records, "why", why)
}

func (o *Owner) corrupt(offset int64, found string) error {
	return &CorruptError{Topic: o.cfg.Topic, Partition: o.cfg.Partition, Offset: offset, Found: found}
}
