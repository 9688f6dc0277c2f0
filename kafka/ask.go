package kafka

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/access"
)

// A question goes to every broker this often, with a pause between, before it is given up.
const (
	askRounds = 5
	askPause  = 200 * time.Millisecond
)

// ask puts a question that any broker can answer to one broker after the other until one answers: some may be away, or not know yet what others
// do. What is refused for good is not asked again.
func ask[T any](ctx context.Context, c *client, question func(*sarama.Broker) (T, error)) (T, error) {
	var none T
	err := sarama.ErrOutOfBrokers
	for range askRounds {
		for _, b := range c.willing() {
			_ = b.Open(c.Config()) // if it is not; a failure shows in the question
			var answer T
			if answer, err = question(b); err == nil {
				c.away.Delete(b.Addr())
				return answer, nil
			}
			if access.Final(err) || ctx.Err() != nil {
				return none, err
			}
			var code sarama.KError
			if !errors.As(err, &code) {
				c.away.Store(b.Addr(), true)
				_ = b.Close() // the connection is broken: the next attempt dials again
			}
		}
		if clock.Wait(ctx, askPause) != nil {
			break
		}
	}
	return none, err
}

// willing returns all brokers, and last those that did not answer when they were asked last: each may take its time again.
func (c *client) willing() []*sarama.Broker {
	all := c.Brokers()
	slices.SortStableFunc(all, func(a, b *sarama.Broker) int {
		_, less := c.away.Load(a.Addr())
		_, than := c.away.Load(b.Addr())
		switch {
		case less == than:
			return 0
		case less:
			return 1
		}
		return -1
	})
	return all
}

// metadata asks about topics.
func (c *client) metadata(ctx context.Context, r *sarama.MetadataRequest) (*sarama.MetadataResponse, error) {
	return ask(ctx, c, func(b *sarama.Broker) (*sarama.MetadataResponse, error) { return b.GetMetadata(r) })
}
