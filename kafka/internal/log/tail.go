package log

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Tail is one reader's place in a partition. It fetches each byte once, and holds no more than one
// fetch brings. Not for concurrent use.
type Tail struct {
	reader *Reader
	start  eventstore.Start
	placed bool      // next and since are known
	next   int64     // the lowest offset that may be yielded next
	since  time.Time // earlier records are left out, until the first that is not earlier

	fetched []recordbatch.Batch // and not yielded yet
	decoded []sarama.Record     // records of the first batch; nil until they are needed

	skipped []index.Range // ranges that do not count, from about next to known; consumed in the order of offsets
	known   int64
}

// Place finds the offset to begin at, if that is not known yet. If a broker is away, it asks again
// until ctx ends.
func (t *Tail) Place(ctx context.Context) error {
	if t.placed {
		return nil
	}
	find := func() (beginning, error) { return t.reader.begin(t.start) }
	found, err := patiently(ctx, t.reader.Client, t.reader.Topic, find)
	if err != nil {
		return err
	}
	t.next, t.since, t.placed = found.offset, found.since, true
	return nil
}

// Offset returns the lowest offset that may be yielded next. Place must have succeeded.
func (t *Tail) Offset() int64 { return t.next }

// Next yields some of the records before end that count, and reports whether there may be more of
// them. end is at most the index's checkpoint. A record comes with the bytes that it has in Kafka.
// If yield returns false, Next ends, and the next call goes on from there. If a broker is away,
// Next asks again until ctx ends.
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
		next := t.next
		t.fetched, err = t.reader.fetch(ctx, next)
		if err != nil {
			return false, fmt.Errorf("from offset %d: %w", next, t.reader.gone(err))
		}
	}
	if err := t.know(end); err != nil {
		return false, err
	}
	for len(t.fetched) > 0 && t.next < end {
		stopped, err := t.yield(ctx, &t.fetched[0], end, yield)
		if err != nil || stopped {
			return false, err
		}
		t.next = max(t.next, min(t.fetched[0].LastOffset()+1, end))
		if t.fetched[0].LastOffset() < t.next {
			t.fetched, t.decoded = t.fetched[1:], nil
		}
	}
	return t.next < end, nil
}

// yield yields the records of the batch that count, from next to before end. It reports whether
// yield has ended the loop.
func (t *Tail) yield(
	ctx context.Context, b *recordbatch.Batch, end int64, yield func(eventstore.Record, *sarama.Record) bool,
) (stopped bool, err error) {
	if b.Control || !t.anyCounts(max(b.FirstOffset, t.next), min(b.LastOffset()+1, end)) {
		return false, nil
	}
	if t.decoded == nil {
		if t.decoded, err = new(recordbatch.Decoder).Records(b); err != nil {
			return true, &CorruptError{
				Topic: t.reader.Topic, Partition: t.reader.Partition, Offset: b.FirstOffset, Found: err.Error(),
			}
		}
		if err := Complete(b, t.decoded, t.reader.Topic, t.reader.Partition); err != nil {
			return true, err
		}
	}
	for i := range t.decoded {
		raw := &t.decoded[i]
		offset := b.FirstOffset + raw.OffsetDelta
		if offset < t.next || offset >= end || !t.counts(offset) {
			continue
		}
		rec, err := wire.Decode(raw)
		if err != nil {
			return true, &CorruptError{
				Topic: t.reader.Topic, Partition: t.reader.Partition, Offset: offset,
				Found: err.Error(),
			}
		}
		if rec.Timestamp.Truncate(time.Millisecond).Before(t.since) {
			continue
		}
		if ctx.Err() != nil {
			return true, context.Cause(ctx)
		}
		rec.Position = event.Position{Partition: t.reader.Partition, Offset: offset}
		t.since = time.Time{} // from here on all are yielded, also those whose clock ran behind
		t.next = offset + 1
		if !yield(rec, raw) {
			return true, nil
		}
	}
	return false, nil
}

// know looks up which of the fetched records before end do not count, unless that is known.
func (t *Tail) know(end int64) error {
	if n := len(t.fetched); n > 0 {
		end = min(end, t.fetched[n-1].LastOffset()+1)
	}
	from := max(t.known, t.next)
	if from >= end {
		return nil
	}
	ranges, err := t.reader.Index.Skipped(from, end)
	if err != nil {
		return err
	}
	t.skipped = append(t.skipped, ranges...)
	t.known = end
	return nil
}

// counts reports whether the record at an offset counts. The caller asks in the order of offsets.
func (t *Tail) counts(offset int64) bool {
	for len(t.skipped) > 0 && t.skipped[0].End() <= offset {
		t.skipped = t.skipped[1:]
	}
	return len(t.skipped) == 0 || offset < t.skipped[0].Offset
}

// anyCounts reports whether a record from offset from to before offset end may count.
func (t *Tail) anyCounts(from, end int64) bool {
	return t.counts(from) || t.skipped[0].End() < end
}
