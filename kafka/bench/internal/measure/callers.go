package measure

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// appendOne makes one commit: an event of a new stream, or a transfer.
type appendOne func(ctx context.Context, src *source, d delivery) error

// callAll runs one caller for each source. Each caller makes one commit after the other for the
// time given. callAll returns how many commits were acknowledged.
func callAll(ctx context.Context, sources []*source, d time.Duration, do appendOne) (int64, error) {
	counts := make([]int64, len(sources))
	passed := stopwatch()
	group, ctx := errgroup.WithContext(ctx)
	for i, src := range sources {
		group.Go(func() error {
			answer := make(delivery, 1)
			for passed() < d {
				if err := do(ctx, src, answer); err != nil {
					return err
				}
				counts[i]++
			}
			return nil
		})
	}
	err := group.Wait()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

func byStore(s *kafka.Store) appendOne {
	return func(ctx context.Context, src *source, _ delivery) error {
		result, err := s.Append(ctx, eventstore.To(src.stream(), eventstore.NoStream, src.records(1)...))
		if err == nil && (result.Last() != 1 || result.Repeated) {
			err = fmt.Errorf("a new stream is at version %d after one event", result.Last())
		}
		return err
	}
}

func byTable(t *postgres.Table) appendOne {
	return func(ctx context.Context, src *source, _ delivery) error {
		return t.Append(ctx, src.stream().ID, 1, &src.records(1)[0])
	}
}

// producer is a producer of Sarama, with or without transactions.
type producer interface {
	append(ctx context.Context, r *eventstore.Record, d delivery) error
}

func byProducer(p producer) appendOne {
	return func(ctx context.Context, src *source, d delivery) error {
		return p.append(ctx, &placed(src.stream(), src.records(1))[0], d)
	}
}
