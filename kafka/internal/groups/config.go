package groups

import (
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// Config is what a subscription needs of its store. Every field must be set, if its zero value
// means nothing, and the configurations must be complete.
type Config struct {
	Connection connection.Config
	Used       []string      // topics of the store
	Letters    string        // the dead-letter topic
	Session    time.Duration // after which a silent member is taken for dead
	Heartbeat  time.Duration // between two signs of life
	CheckEvery time.Duration // between two looks at a partition that is not configured
	Logger     *slog.Logger

	Topic        string      // of the category
	Partitions   []Partition // of the category, as they are configured
	PartitionKey eventstore.PartitionKey

	// Classify says what an error of the handler means, unless the subscription's own Classify
	// does.
	Classify func(error) subscription.Verdict
	// Reason says what the subscription waits for, if an error is not the event's fault; otherwise
	// it returns "".
	Reason func(error) string
	// Public turns an error of the packages below kafka into one for users.
	Public func(error) error
}

// Partition is a partition of the category, as the store reads it.
type Partition struct {
	Index  *index.Partition
	Reader *log.Reader
	// Readable returns why the partition cannot be read, for good or until brokers accept it again.
	Readable func() error
}

// sarama returns the configuration of the group's client.
func (c Config) sarama() *sarama.Config {
	s := client.Sarama(c.Connection)
	s.Consumer.Group.Session.Timeout = c.Session
	s.Consumer.Group.Heartbeat.Interval = c.Heartbeat
	s.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	s.Consumer.Group.ResetInvalidOffsets = true // concerns only what Sarama fetches, and nobody reads that: see place
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	s.Consumer.Return.Errors = true
	s.Consumer.Fetch.Default = 1 // the group says who reads what, and the store reads by itself
	return s
}
