package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
)

// clockTolerance is how far records may be ahead of this machine's clock.
const clockTolerance = 5 * time.Second

// clock compares the times of the newest batches with the clock of this machine. Services give
// records their times, and brokers give markers theirs. Brokers do not tell the time of their
// clock, so clock notices only if this machine's clock is behind.
func (d *diagnosis) clock(ctx context.Context, topicsKnown bool) {
	const check = "clock"
	if !topicsKnown {
		d.skip(check, "topics are missing or cannot be described")
		return
	}
	var newest time.Time
	var where string
	for _, g := range d.cfg.Topics.Categories {
		topic := d.cfg.Topics.NameOf(g.Name)
		for _, p := range d.readable(topic, g.Partitions) {
			t, err := d.newest(ctx, topic, p)
			if errors.Is(err, sarama.ErrLeaderNotAvailable) {
				continue
			}
			if err != nil {
				d.failed(check, fmt.Errorf("read the newest record of %s partition %d: %w", topic, p, err))
				return
			}
			if t.After(newest) {
				newest, where = t, fmt.Sprintf("%s partition %d", topic, p)
			}
		}
	}
	now := clock.Now()
	switch ahead := newest.Sub(now); {
	case newest.IsZero():
		d.skip(check, "there is no record yet whose time could be compared")
	case ahead > clockTolerance:
		d.add(check, Warning, fmt.Sprintf("the newest record, in %s, is %s ahead of this machine's clock", where,
			ahead.Round(time.Second)),
			"set the clocks by a time server (NTP): this machine's, the brokers' and the other instances'")
	default:
		d.ok(check, "no record is ahead of this machine's clock (the newest is %s old)", (-ahead).Round(time.Second))
	}
}

// newest returns the time of the newest batch, or zero if there is none.
func (d *diagnosis) newest(ctx context.Context, topic string, p int32) (time.Time, error) {
	last, err := d.newestBatch(ctx, topic, p)
	if err != nil || last == nil || last.MaxTimestamp < 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(last.MaxTimestamp), nil
}

// newestBatch returns the newest batch, or nil if there is none.
func (d *diagnosis) newestBatch(ctx context.Context, topic string, p int32) (*recordbatch.Batch, error) {
	end, err := d.client.GetOffset(topic, p, sarama.OffsetNewest)
	if err != nil || end == 0 {
		return nil, err
	}
	whole := log.Log{Client: d.client, Pool: d.client.Reading, Topic: topic, Partition: p}
	return whole.Newest(ctx, end-1)
}
