package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Reader reads the records of a partition that count, in the order of their offsets, from Kafka: the index
// says what does not count, and how far it knows. It may be used by any number of goroutines.
type Reader struct {
	Client    sarama.Client
	Topic     string
	Partition int32
	Index     *index.Partition
}

// Read yields the records from start on, up to the end that the index has when Read is called. An
// error is yielded once, as the last pair.
func (r *Reader) Read(
	ctx context.Context, start eventstore.Start,
) func(yield func(eventstore.Record, error) bool) {
	end := r.Index.Checkpoint().Next
	return func(yield func(eventstore.Record, error) bool) {
		if err := r.read(ctx, start, end, yield); err != nil {
			yield(eventstore.Record{}, fmt.Errorf("read %s partition %d: %w", r.Topic, r.Partition, err))
		}
	}
}

func (r *Reader) read(
	ctx context.Context, start eventstore.Start, end int64, yield func(eventstore.Record, error) bool,
) error {
	next, err := r.first(start)
	if err != nil || next >= end {
		return err
	}
	skipped, err := r.Index.Skipped(next, end)
	if err != nil {
		return err
	}
	since := start.Time()
	var pause backoff
	for next < end {
		block, err := r.fetch(next)
		if err != nil {
			if r.Client.Closed() {
				return eventstore.ErrClosed
			}
			if errors.Is(err, sarama.ErrOffsetOutOfRange) || kindOf(err) != passing {
				return err
			}
			_ = r.Client.RefreshMetadata(r.Topic) // a failure shows at the next attempt
			if stopped := pause.wait(ctx); stopped != nil {
				return fmt.Errorf("%w; the last attempt to read offset %d: %w", stopped, next, err)
			}
			continue
		}
		pause = backoff{}
		for _, set := range block.RecordsSet {
			b := set.RecordBatch
			if b == nil || b.PartialTrailingRecord || b.LastOffset() < next {
				continue
			}
			records, err := r.decode(b, next, end, skipped)
			if err != nil {
				return err
			}
			for _, rec := range records {
				if rec.Timestamp.Truncate(time.Millisecond).Before(since) {
					continue
				}
				since = time.Time{} // all that follow are yielded, also those whose clock ran behind
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if !yield(rec, nil) {
					return nil
				}
			}
			next = b.LastOffset() + 1
		}
	}
	return nil
}

// first returns the offset to begin at.
func (r *Reader) first(start eventstore.Start) (int64, error) {
	t := start.Time()
	if t.IsZero() || t.UnixMilli() <= 0 { // Kafka takes negative times for something else
		return start.Offset(r.Partition), nil
	}
	offset, err := r.Client.GetOffset(r.Topic, r.Partition, t.UnixMilli())
	if offset < 0 && err == nil {
		return r.Index.Checkpoint().Next, nil // nothing is that late
	}
	return offset, err
}

func (r *Reader) fetch(offset int64) (*sarama.FetchResponseBlock, error) {
	b, err := r.Client.Leader(r.Topic, r.Partition)
	if err != nil {
		return nil, err
	}
	return fetch(b, r.Topic, r.Partition, offset)
}

// decode returns the records of the batch from next to before end that count.
func (r *Reader) decode(b *sarama.RecordBatch, next, end int64, skipped []index.Range) ([]eventstore.Record, error) {
	if b.Control {
		return nil, nil
	}
	records := make([]eventstore.Record, 0, len(b.Records))
	for _, raw := range b.Records {
		offset := b.FirstOffset + raw.OffsetDelta
		if offset < next || offset >= end || isIn(offset, skipped) {
			continue
		}
		rec, err := wire.Decode(raw)
		if err != nil {
			return nil, &CorruptError{Topic: r.Topic, Partition: r.Partition, Offset: offset, Found: err.Error()}
		}
		rec.Position = event.Position{Partition: r.Partition, Offset: offset}
		records = append(records, rec)
	}
	return records, nil
}

func isIn(offset int64, ranges []index.Range) bool {
	for _, r := range ranges {
		if offset >= r.Offset && offset < r.Offset+int64(r.Length) {
			return true
		}
	}
	return false
}
