package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/access"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// client is Sarama's, with connections that can be cut below requests that wait.
type client struct {
	sarama.Client
	conns   *dial.Conns
	reading *log.Pool
	away    sync.Map // addresses of brokers that did not answer when they were asked last
}

// connect asks the brokers for the cluster's metadata.
func connect(ctx context.Context, cfg Config) (*client, error) {
	return connectWith(ctx, cfg, cfg.sarama())
}

// connectWith does so with a Sarama configuration that was made from cfg. While it waits, and while the client lives, the logger is told which brokers
// do not answer.
func connectWith(ctx context.Context, cfg Config, s *sarama.Config) (*client, error) {
	conns := dial.Use(s)
	conns.Tell(cfg.Logger)
	defer conns.CutWhenDone(ctx)()
	there, err := greet(ctx, cfg, s)
	if err != nil {
		conns.Close()
		return nil, err
	}
	c, err := sarama.NewClient(there, s)
	if err != nil {
		conns.Close()
		if access.Final(err) {
			return nil, cfg.Security.explain(err)
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		return nil, &awayError{brokers: cfg.Brokers, err: err}
	}
	return &client{Client: c, conns: conns, reading: log.NewPool(c)}, nil
}

// awayError says that no broker answers, however often they were asked.
type awayError struct {
	brokers []string
	err     error
}

func (e *awayError) Error() string {
	return fmt.Sprintf("no broker of %s answers: is Kafka running there, and is KAFKA_BROKERS right? %v", strings.Join(e.brokers, ","), e.err)
}

func (e *awayError) Unwrap() error { return e.err }

// identity asks for the ids of the cluster and of the topics.
func (c *client) identity(ctx context.Context, cfg Config) (index.Identity, error) {
	defer c.conns.CutWhenDone(ctx)()
	id := index.Identity{Topics: make(map[string]index.Topic)}
	request := sarama.NewMetadataRequest(c.Config().Version, cfg.topicNames())
	r, err := ask(ctx, c, func(b *sarama.Broker) (*sarama.MetadataResponse, error) {
		r, err := b.GetMetadata(request)
		if err != nil {
			return nil, fmt.Errorf("ask for the ids of the cluster and its topics: %w", err)
		}
		for _, t := range r.Topics {
			if t.Err != sarama.ErrNoError {
				err := access.Explain(t.Err, access.Need{Operation: access.Describe, Resource: access.Topic, Name: t.Name})
				return nil, fmt.Errorf("ask for the id of topic %s: %w", t.Name, err)
			}
		}
		return r, nil
	})
	if err != nil {
		return id, err
	}
	if r.ClusterID != nil {
		id.ClusterID = *r.ClusterID
	}
	for _, t := range r.Topics {
		id.Topics[t.Name] = index.Topic{ID: t.Uuid.String()}
	}
	for _, g := range cfg.Categories { // a topic may have more partitions: see extra
		t := id.Topics[cfg.topic(g.Name)]
		t.Partitions = g.Partitions
		id.Topics[cfg.topic(g.Name)] = t
	}
	return id, nil
}

// awaitTopics waits until every broker knows the topics and who leads their partitions: for a moment after a topic is
// made, only some do.
func (c *client) awaitTopics(ctx context.Context, names []string) error {
	const pause = 20 * time.Millisecond
	for _, b := range c.Brokers() {
		for {
			err := c.knows(b, names)
			if err == nil {
				break
			}
			if stopped := clock.Wait(ctx, pause); stopped != nil {
				return fmt.Errorf("wait until broker %s knows new topics: %w: %w", b.Addr(), stopped, err)
			}
		}
	}
	return nil
}

// knows returns nil, or what the broker does not know yet of the topics.
func (c *client) knows(b *sarama.Broker, names []string) error {
	if up, _ := b.Connected(); !up {
		_ = b.Open(c.Config()) // a failure shows in the request
	}
	r, err := b.GetMetadata(sarama.NewMetadataRequest(c.Config().Version, names))
	if err != nil {
		return nil //nolint:nilerr // a broker that does not answer learns of the topics before it is back
	}
	for _, t := range r.Topics {
		if t.Err != sarama.ErrNoError {
			return fmt.Errorf("topic %s: %w", t.Name, t.Err)
		}
		for _, p := range t.Partitions {
			if p.Err != sarama.ErrNoError {
				return fmt.Errorf("topic %s partition %d: %w", t.Name, p.ID, p.Err)
			}
		}
	}
	return nil
}

func (c *client) close() {
	c.conns.Close()
	c.reading.Close()
	_ = c.Close()
}
