package partition

import (
	"context"

	"github.com/IBM/sarama"
)

// Log reads a partition of which no index knows what counts: all its data, as it stands there. It may be used by any number of
// goroutines.
type Log struct {
	Client    sarama.Client
	Topic     string
	Partition int32
}

// Raw is one record of a log.
type Raw struct {
	Offset int64
	*sarama.Record
}

// Read returns some records from the offset on, and the offset to read from next. Where there are none yet it waits a moment
// and returns none. It asks again, until ctx ends, what a broker that is away may answer later.
func (l *Log) Read(ctx context.Context, offset int64) (records []Raw, next int64, err error) {
	return l.read(ctx, offset, fetchBytes)
}

// At returns the record at the offset, with others of its batch; none if there is none.
func (l *Log) At(ctx context.Context, offset int64) ([]Raw, error) {
	records, _, err := l.read(ctx, offset, oneBatch)
	return records, err
}

func (l *Log) read(ctx context.Context, offset int64, maxBytes int32) (records []Raw, next int64, err error) {
	batches, err := patiently(ctx, l.Client, l.Topic, func() ([]*sarama.RecordBatch, error) {
		return fetchFrom(l.Client, l.Topic, l.Partition, offset, maxBytes)
	})
	next = offset
	for _, b := range batches {
		next = b.LastOffset() + 1
		if b.Control {
			continue
		}
		for _, r := range b.Records {
			if at := b.FirstOffset + r.OffsetDelta; at >= offset {
				records = append(records, Raw{Offset: at, Record: r})
			}
		}
	}
	return records, next, err
}

// Ends returns the offsets at which the partition begins and ends now.
func (l *Log) Ends(ctx context.Context) (begin, end int64, err error) {
	ends, err := patiently(ctx, l.Client, l.Topic, func() (ends [2]int64, err error) {
		b, err := l.Client.Leader(l.Topic, l.Partition)
		for i, which := range [...]int64{sarama.OffsetOldest, sarama.OffsetNewest} {
			if err == nil {
				ends[i], err = offsetAt(b, l.Topic, l.Partition, which)
			}
		}
		return ends, err
	})
	return ends[0], ends[1], err
}
