package rule

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// CheckBeginning fails with a *[log.CorruptError] if the partition has lost its first records. If
// the index holds all of the log, a follower fetches nothing, and would not learn of it.
func (f *Follower) CheckBeginning(ctx context.Context) error {
	defer f.link.conns.CutWhenDone(ctx)()
	var pause retry.Backoff
	for {
		first, err := f.beginning()
		if err == nil {
			return f.begun(first)
		}
		if log.Final(err) {
			return err
		}
		if stopped := f.tryAgain(ctx, &pause, err); stopped != nil {
			return fmt.Errorf("%w; the last attempt to find the beginning: %w", stopped, err)
		}
	}
}

func (f *Follower) beginning() (int64, error) {
	b, err := f.link.leader()
	if err != nil {
		return 0, err
	}
	return log.OffsetAt(b.Broker, f.cfg.Topic, f.cfg.Partition, sarama.OffsetOldest)
}
