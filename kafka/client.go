package kafka

import (
	"context"
	"fmt"
	"strings"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// client is Sarama's, with connections that can be cut below requests that wait.
type client struct {
	sarama.Client
	conns *dial.Conns
}

// connect asks the brokers for the cluster's metadata.
func connect(ctx context.Context, cfg Config) (*client, error) {
	s := cfg.sarama()
	conns := dial.Use(s)
	defer conns.CutWhenDone(ctx)()
	c, err := sarama.NewClient(cfg.Brokers, s)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		return nil, fmt.Errorf("no broker of %s answers: is Kafka running there, and is KAFKA_BROKERS right? %w",
			strings.Join(cfg.Brokers, ","), err)
	}
	return &client{Client: c, conns: conns}, nil
}

func (c *client) close() {
	c.conns.Close()
	_ = c.Close()
}
