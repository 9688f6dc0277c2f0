package client

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// Client is Sarama's client, with connections that can be cut below requests that wait.
type Client struct {
	sarama.Client
	Conns   *dial.Conns
	Reading *log.Pool // for those who read partitions

	away sync.Map // addresses of brokers that did not answer when they were asked last
}

// Connect asks the brokers of cfg, which must be complete, for the cluster's metadata. topics are
// those that the caller will use: see [Hello]. While it waits, and while the client lives, it logs
// which brokers do not answer.
//
// Connect fails
//   - with a *[connection.SecurityError] if brokers refuse this client for good;
//   - if no broker answers;
//   - if ctx ends.
func Connect(ctx context.Context, cfg connection.Config, topics []string) (*Client, error) {
	return ConnectWith(ctx, cfg, topics, Sarama(cfg))
}

// ConnectWith is Connect with a configuration that [Sarama] has made from cfg.
func ConnectWith(ctx context.Context, cfg connection.Config, topics []string, s *sarama.Config) (*Client, error) {
	conns := dial.Use(s)
	conns.Tell(cfg.Logger)
	defer conns.CutWhenDone(ctx)()
	there, err := greet(ctx, cfg, s, topics)
	if err != nil {
		conns.Close()
		return nil, err
	}
	c, err := sarama.NewClient(there, s)
	if err != nil {
		conns.Close()
		if access.Final(err) {
			return nil, Explain(cfg.Security, err)
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		return nil, &awayError{brokers: cfg.Brokers, err: err}
	}
	return &Client{Client: c, Conns: conns, Reading: log.NewPool(c)}, nil
}

// awayError says that no broker answers, though each was asked more than once.
type awayError struct {
	brokers []string
	err     error
}

func (e *awayError) Error() string {
	return fmt.Sprintf("no broker of %s answers: is Kafka running there, and is KAFKA_BROKERS right? %v",
		strings.Join(e.brokers, ","), e.err)
}

func (e *awayError) Unwrap() error { return e.err }

// Disconnect closes all connections of the client and of its readers. It may be called more than
// once.
func (c *Client) Disconnect() {
	c.Conns.Close()
	c.Reading.Close()
	_ = c.Close()
}
