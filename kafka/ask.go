package kafka

import (
	"context"
	"errors"
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
		for _, b := range c.Brokers() {
			_ = b.Open(c.Config()) // if it is not; a failure shows in the question
			var answer T
			if answer, err = question(b); err == nil {
				return answer, nil
			}
			if access.Final(err) || ctx.Err() != nil {
				return none, err
			}
			var code sarama.KError
			if !errors.As(err, &code) {
				_ = b.Close() // the connection is broken: the next attempt dials again
			}
		}
		if clock.Wait(ctx, askPause) != nil {
			break
		}
	}
	return none, err
}

// metadata asks about topics.
func (c *client) metadata(ctx context.Context, r *sarama.MetadataRequest) (*sarama.MetadataResponse, error) {
	return ask(ctx, c, func(b *sarama.Broker) (*sarama.MetadataResponse, error) { return b.GetMetadata(r) })
}
