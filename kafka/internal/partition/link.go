package partition

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/kafka/internal/dial"
)

// link is the owner's own connection to the leader of its partition. Brokers serve one request of a connection
// at a time, and an acks=all produce holds it until it is replicated: partitions that shared one would
// wait for each other. Only the owner's goroutine uses a link.
type link struct {
	client    sarama.Client
	topic     string
	partition int32
	broker    *dial.Broker
	config    sarama.Config // the client's, with connections of the link's own
	conns     *dial.Conns
}

func newLink(client sarama.Client, topic string, partition int32) *link {
	l := &link{client: client, topic: topic, partition: partition, config: *client.Config()}
	l.conns = dial.Use(&l.config)
	return l
}

// leader returns the connection to the partition's leader, opening it if there is none.
func (l *link) leader() (*dial.Broker, error) {
	if l.broker != nil {
		return l.broker, nil
	}
	known, err := l.client.Leader(l.topic, l.partition)
	if err != nil {
		return nil, err
	}
	l.broker, err = l.conns.Open(known.Addr(), &l.config)
	return l.broker, err
}

// connect opens a connection to a broker.
func connect(addr string, config *sarama.Config) (*sarama.Broker, error) {
	b := sarama.NewBroker(addr)
	if err := b.Open(config); err != nil {
		return nil, err
	}
	if _, err := b.Connected(); err != nil {
		return nil, fmt.Errorf("connect to broker %s: %w", addr, err)
	}
	return b, nil
}

// reset drops the connection and asks for the leader anew.
func (l *link) reset() {
	l.drop()
	_ = l.client.RefreshMetadata(l.topic) // a failure shows when the leader is asked for
}

func (l *link) drop() {
	if l.broker == nil {
		return
	}
	l.conns.Cut()
	_ = l.broker.Close()
	l.broker = nil
}
