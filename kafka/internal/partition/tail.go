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

// Tail is one reader's place in a partition. It fetches each byte once, and holds what one fetch brings at most. Not
// for concurrent use.
type Tail struct {
	reader *Reader
	start  eventstore.Start
	placed bool      // next and since are known
	next   int64     // the lowest offset that may be yielded next
	since  time.Time // records of before are left out, until the first that is not

	fetched []*sarama.RecordBatch // and not yielded yet
}

// Place finds the offset to begin at, if that is not known yet. It asks again, until ctx ends, what a broker that is
// away may answer later.
func (t *Tail) Place(ctx context.Context) error {
	if t.placed {
		return nil
	}
	return patiently(ctx, t.reader.Client, t.reader.Topic, t.place)
}

// Offset returns the lowest offset that may be yielded next, once there is a place.
func (t *Tail) Offset() int64 { return t.next }

// Next yields some records that count of those before end, which is at most the index's checkpoint, and reports whether
// there may be more of them. A record comes with the bytes it has in Kafka. Where yield returns false Next ends, and goes on from there
// when it is called again. It asks again, until ctx ends, what a broker that is away may answer later.
func (t *Tail) Next(
	ctx context.Context, end int64, yield func(eventstore.Record, *sarama.Record) bool,
) (more bool, err error) {
	if err := t.Place(ctx); err != nil {
		return false, err
	}
	if t.next >= end {
		return false, nil
	}
	if len(t.fetched) == 0 {
		if err := patiently(ctx, t.reader.Client, t.reader.Topic, t.fetch); err != nil {
			return false, fmt.Errorf("from offset %d: %w", t.next, err)
		}
	}
	skipped, err := t.reader.Index.Skipped(t.next, end)
	if err != nil {
		return false, err
	}
	for len(t.fetched) > 0 && t.next < end {
		stopped, err := t.yield(ctx, t.fetched[0], end, skipped, yield)
		if err != nil || stopped {
			return false, err
		}
		t.next = max(t.next, min(t.fetched[0].LastOffset()+1, end))
		if t.fetched[0].LastOffset() < t.next {
			t.fetched = t.fetched[1:]
		}
	}
	return t.next < end, nil
}

// yield yields what counts in the batch from next to before end, and reports whether the loop has ended.
func (t *Tail) yield(
	ctx context.Context, b *sarama.RecordBatch, end int64, skipped []index.Range, yield func(eventstore.Record, *sarama.Record) bool,
) (stopped bool, err error) {
	if b.Control {
		return false, nil
	}
	for _, raw := range b.Records {
		offset := b.FirstOffset + raw.OffsetDelta
		if offset < t.next || offset >= end || isIn(offset, skipped) {
			continue
		}
		rec, err := wire.Decode(raw)
		if err != nil {
			return true, &CorruptError{Topic: t.reader.Topic, Partition: t.reader.Partition, Offset: offset, Found: err.Error()}
		}
		if rec.Timestamp.Truncate(time.Millisecond).Before(t.since) {
			continue
		}
		if ctx.Err() != nil {
			return true, context.Cause(ctx)
		}
		rec.Position = event.Position{Partition: t.reader.Partition, Offset: offset}
		t.since = time.Time{} // all that follow are yielded, also those whose clock ran behind
		t.next = offset + 1
		if !yield(rec, raw) {
			return true, nil
		}
	}
	return false, nil
}

// place finds the offset to begin at.
func (t *Tail) place() error {
	since := t.start.Time()
	if since.IsZero() || since.UnixMilli() <= 0 { // Kafka takes negative times for something else
		t.next, t.placed = max(t.start.Offset(t.reader.Partition), 0), true
		return nil
	}
	// Before asking: what is appended meanwhile may be that late.
	end := t.reader.Index.Checkpoint().Next
	offset, err := t.reader.Client.GetOffset(t.reader.Topic, t.reader.Partition, since.UnixMilli())
	if err != nil {
		return err
	}
	if offset < 0 { // nothing is that late
		offset = end
	}
	t.next, t.since, t.placed = offset, since, true
	return nil
}

func (t *Tail) fetch() error {
	block, err := t.reader.fetch(t.next)
	if err != nil {
		return err
	}
	for _, set := range block.RecordsSet {
		if b := set.RecordBatch; b != nil && !b.PartialTrailingRecord && b.LastOffset() >= t.next {
			t.fetched = append(t.fetched, b)
		}
	}
	return nil
}

// patiently does again what failed and may yet succeed.
func patiently(ctx context.Context, client sarama.Client, topic string, do func() error) error {
	var pause backoff
	for {
		err := do()
		switch {
		case err == nil:
			return nil
		case client.Closed():
			return eventstore.ErrClosed
		case errors.Is(err, sarama.ErrOffsetOutOfRange) || kindOf(err) != passing:
			return err
		}
		_ = client.RefreshMetadata(topic) // a failure shows at the next attempt
		if stopped := pause.wait(ctx); stopped != nil {
			return fmt.Errorf("%w; the last attempt to read: %w", stopped, err)
		}
	}
}

func isIn(offset int64, ranges []index.Range) bool {
	for _, r := range ranges {
		if offset >= r.Offset && offset < r.Offset+int64(r.Length) {
			return true
		}
	}
	return false
}
