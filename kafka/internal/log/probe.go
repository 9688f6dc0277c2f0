package log

import (
	"context"
	"errors"
	"fmt"

	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// Probe fetches the batch with an offset that the index has read. From its header it says what the
// log lacks there, such as "without the records from offset 4 to 9". It returns "" if nothing is
// missing there. It also returns "" if the offset lies outside of the log. The watch of the topics
// tells of an offset before the log's beginning, and the follower of one behind its end.
//
// Probe fails if no leader answers before ctx ends. That says nothing about the log.
func (r *Reader) Probe(ctx context.Context, offset int64) (lacks string, err error) {
	ask := Request{
		Topic: r.Topic, Partition: r.Partition, Offset: offset, Epoch: AnyLeaderEpoch, MaxBytes: OneBatch, Wait: AtOnce,
	}
	batches, err := r.Pool.batches(ctx, ask, hasBatch)
	var outside *RangeError
	var corrupt *CorruptError
	switch {
	case errors.As(err, &outside):
		return "", nil
	case errors.As(err, &corrupt):
		return fmt.Sprintf("unreadable at offset %d (%s)", corrupt.Offset, corrupt.Found), nil
	case err != nil:
		return "", fmt.Errorf("fetch the batch at offset %d of %s partition %d: %w", offset, r.Topic, r.Partition, err)
	}
	b := &batches[0]
	if b.FirstOffset > offset {
		return fmt.Sprintf("without the records from offset %d to %d", offset, b.FirstOffset-1), nil
	}
	if offsets := b.LastOffset() - b.FirstOffset + 1; int64(b.Count) != offsets { // as in Counted
		return fmt.Sprintf("without %d of the %d records from offset %d to %d",
			offsets-int64(b.Count), offsets, b.FirstOffset, b.LastOffset()), nil
	}
	return "", nil
}

// hasBatch fails if there is no batch at all. A new leader may not know for a moment that all
// replicas have the batch.
func hasBatch(batches []recordbatch.Batch) error {
	if len(batches) == 0 {
		return errors.New("the answer has no batch")
	}
	return nil
}
