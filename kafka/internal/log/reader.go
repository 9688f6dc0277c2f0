package log

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// Reader reads the records of a partition that count from Kafka, in the order of their offsets. The
// index says which records do not count, and how far it has read. It may be used by any number of
// goroutines.
type Reader struct {
	Client    sarama.Client
	Pool      *Pool // of the client
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
		if start.AtEnd() {
			return
		}
		t := r.Tail(start)
		for {
			more, err := t.Next(ctx, end, func(rec eventstore.Record, _ *sarama.Record) bool { return yield(rec, nil) })
			if err != nil {
				yield(eventstore.Record{}, fmt.Errorf("read %s partition %d: %w", r.Topic, r.Partition, err))
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// Tail returns a place in the partition that moves on from start.
func (r *Reader) Tail(start eventstore.Start) *Tail {
	t := &Tail{reader: r, start: start}
	if start.AtEnd() {
		t.next, t.placed = r.Index.Checkpoint().Next, true
	}
	return t
}

// beginning is where a Tail begins.
type beginning struct {
	offset int64
	since  time.Time // earlier records are left out
}

// begin finds the offset to begin at.
func (r *Reader) begin(start eventstore.Start) (beginning, error) {
	since := start.Time()
	if since.IsZero() || since.UnixMilli() <= 0 { // Kafka takes negative times for something else
		return beginning{offset: max(start.Offset(r.Partition), 0)}, nil
	}
	// The end is read before the question, because a record that is appended meanwhile may be that
	// late.
	end := r.Index.Checkpoint().Next
	b, err := r.Client.Leader(r.Topic, r.Partition)
	if err != nil {
		return beginning{}, err
	}
	offset, err := OffsetAt(b, r.Topic, r.Partition, since.UnixMilli())
	if offset < 0 { // nothing is that late
		offset = end
	}
	return beginning{offset: offset, since: since}, err
}

// fetch returns some batches from the one with the offset on.
func (r *Reader) fetch(ctx context.Context, offset int64) ([]recordbatch.Batch, error) {
	ask := Request{
		Topic: r.Topic, Partition: r.Partition, Offset: offset, Epoch: AnyLeaderEpoch, MaxBytes: FetchBytes, Wait: Soon,
	}
	return r.Pool.batches(ctx, ask, ask.withoutHoles)
}

// gone turns err into a *CorruptError if err says that the log does not have the offset. The index
// has read that offset.
func (r *Reader) gone(err error) error {
	var out *RangeError
	if !errors.As(err, &out) {
		return err
	}
	cause, found := ErrLogCut, "the log ends before"
	if out.Offset < out.Begin {
		cause, found = ErrRecordsMissing, "the log begins behind"
	}
	return &CorruptError{
		Topic: r.Topic, Partition: r.Partition, Offset: out.Offset, Cause: cause,
		Found: fmt.Sprintf("%s what this process has read of it (it has the offsets from %d to before %d): "+
			"the brokers have lost or deleted records; restore them as they were", found, out.Begin, out.End),
	}
}
