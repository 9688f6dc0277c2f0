package client

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

// Ask asks one broker after the other until one answers. Any broker can answer such a question, but
// some may be away, or may not know yet what others know. Ask does not repeat a question that
// brokers refuse for good.
func Ask[T any](ctx context.Context, c *Client, question func(*sarama.Broker) (T, error)) (T, error) {
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

// willing returns all brokers. Those that did not answer the last time come last, as each may again
// take long.
func (c *Client) willing() []*sarama.Broker {
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

// Metadata asks about topics.
func (c *Client) Metadata(ctx context.Context, r *sarama.MetadataRequest) (*sarama.MetadataResponse, error) {
	return Ask(ctx, c, func(b *sarama.Broker) (*sarama.MetadataResponse, error) { return b.GetMetadata(r) })
}

// End returns where a partition ends. It asks more than once, as a partition that was just added
// may have no leader yet.
func (c *Client) End(ctx context.Context, topic string, p int32) (end int64, err error) {
	for range askRounds {
		if end, err = c.GetOffset(topic, p, sarama.OffsetNewest); err == nil || clock.Wait(ctx, askPause) != nil {
			break
		}
	}
	return end, err
}
