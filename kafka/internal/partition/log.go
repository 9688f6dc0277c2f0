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
	next = offset
	err = patiently(ctx, l.Client, l.Topic, func() error {
		b, err := l.Client.Leader(l.Topic, l.Partition)
		if err != nil {
			return err
		}
		block, err := fetch(b, l.Topic, l.Partition, offset, soon)
		if err != nil {
			return err
		}
		for _, set := range block.RecordsSet {
			b := set.RecordBatch
			if b == nil || b.PartialTrailingRecord || b.LastOffset() < offset {
				continue
			}
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
		return nil
	})
	return records, next, err
}

// Ends returns the offsets at which the partition begins and ends now.
func (l *Log) Ends(ctx context.Context) (begin, end int64, err error) {
	err = patiently(ctx, l.Client, l.Topic, func() (err error) {
		if begin, err = l.Client.GetOffset(l.Topic, l.Partition, sarama.OffsetOldest); err != nil {
			return err
		}
		end, err = l.Client.GetOffset(l.Topic, l.Partition, sarama.OffsetNewest)
		return err
	})
	return begin, end, err
}
