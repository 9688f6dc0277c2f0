package log

import (
	"context"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// Log reads a partition that has no index to say what counts. It reads all data that stands there.
// It may be used by any number of goroutines.
type Log struct {
	Client    sarama.Client
	Pool      *Pool // of the client
	Topic     string
	Partition int32
}

// Raw is one record of a log.
type Raw struct {
	Offset int64
	*sarama.Record
}

// Read returns some records from the offset on, and the offset to read from next. If there are none
// yet, it waits a moment and returns none. If a broker is away, it asks again until ctx ends.
func (l *Log) Read(ctx context.Context, offset int64) (records []Raw, next int64, err error) {
	return l.read(ctx, offset, FetchBytes)
}

// At returns the record at the offset, with others of its batch. It returns none if there is none.
func (l *Log) At(ctx context.Context, offset int64) ([]Raw, error) {
	records, _, err := l.read(ctx, offset, OneBatch)
	return records, err
}

func (l *Log) read(ctx context.Context, offset int64, maxBytes int32) (records []Raw, next int64, err error) {
	ask := Request{
		Topic: l.Topic, Partition: l.Partition, Offset: offset, Epoch: AnyLeaderEpoch, MaxBytes: maxBytes, Wait: Soon,
	}
	batches, err := l.Pool.batches(ctx, ask, ask.withoutHoles)
	next = offset
	for i := range batches {
		b := &batches[i]
		if b.Control {
			next = b.LastOffset() + 1
			continue
		}
		decoded, err := new(recordbatch.Decoder).Records(b)
		if err != nil {
			return records, next, &CorruptError{
				Topic: l.Topic, Partition: l.Partition, Offset: b.FirstOffset, Found: err.Error(),
			}
		}
		for k := range decoded {
			if at := b.FirstOffset + decoded[k].OffsetDelta; at >= offset {
				records = append(records, Raw{Offset: at, Record: &decoded[k]})
			}
		}
		next = b.LastOffset() + 1
	}
	return records, next, err
}

// Newest returns the batch at the offset, without its records, or nil if there is none. It asks
// once.
func (l *Log) Newest(ctx context.Context, offset int64) (*recordbatch.Batch, error) {
	found, err := l.Pool.fetch(ctx, Request{
		Topic: l.Topic, Partition: l.Partition, Offset: offset, Epoch: AnyLeaderEpoch, MaxBytes: OneBatch, Wait: Soon,
	})
	if err != nil {
		return nil, err
	}
	batches, err := found.From(offset)
	if err != nil || len(batches) == 0 {
		return nil, err
	}
	return &batches[0], nil
}

// Ends returns the offsets at which the partition begins and ends now.
func (l *Log) Ends(ctx context.Context) (begin, end int64, err error) {
	ends, err := patiently(ctx, l.Client, l.Topic, func() (ends [2]int64, err error) {
		b, err := l.Client.Leader(l.Topic, l.Partition)
		for i, which := range [...]int64{sarama.OffsetOldest, sarama.OffsetNewest} {
			if err == nil {
				ends[i], err = OffsetAt(b, l.Topic, l.Partition, which)
			}
		}
		return ends, err
	})
	return ends[0], ends[1], err
}
