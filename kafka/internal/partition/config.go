package partition

import (
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/owner"
	"github.com/fencelog/fencelog/kafka/internal/rule"
)

// Config is what a partition needs. Every field must be set but Key, Observer, Broken and Keep.
// Quiet must be set with Keep.
type Config struct {
	Client          sarama.Client
	Topic           string
	Partition       int32
	Partitions      int32  // of the topic, as configured; the number decides where a stream belongs
	Category        string // of all events in the topic
	Key             eventstore.PartitionKey
	TransactionalID string
	Index           *index.Partition
	Logger          *slog.Logger

	Codec           sarama.CompressionCodec // of the batches that are written
	RequestTimeout  time.Duration           // a broker's time to replicate a batch
	RenewEvery      time.Duration           // between two renewals of the claim
	MaxBatchBytes   int                     // a batch is closed once its commits, before compression, have this size
	MaxWaiting      int                     // commits that may wait; further callers wait under their context
	MaxWaitingBytes int64

	Observer Observer
	Broken   broken.Rules // by the proof only

	// Keep makes the owner claim the partition again when it has lost its claim. If no other
	// process has claimed, it does so soon. Otherwise it waits until the log has shown nothing of
	// the other process for Quiet. Without Keep the caller of Own must claim again.
	Keep  bool
	Quiet time.Duration
}

// Observer is told what happens to a partition. Each of its functions may be nil.
type Observer struct {
	owner.Observer

	Skipped func(offset int64, records int)
	Read    func(next, end int64)
}

// rule returns what the follower needs.
func (c *Config) rule() rule.Config {
	return rule.Config{
		Client: c.Client, Topic: c.Topic, Partition: c.Partition, Partitions: c.Partitions, Category: c.Category,
		Key:   c.Key,
		Index: c.Index, Logger: c.Logger, Skipped: c.Observer.Skipped, Read: c.Observer.Read,
		Broken: c.Broken,
	}
}

// owner returns what the owner needs.
func (c *Config) owner() owner.Config {
	return owner.Config{
		Config: claim.Config{Config: c.rule(), TransactionalID: c.TransactionalID, RequestTimeout: c.RequestTimeout},
		Codec:  c.Codec, RenewEvery: c.RenewEvery, MaxBatchBytes: c.MaxBatchBytes, MaxWaiting: c.MaxWaiting,
		MaxWaitingBytes: c.MaxWaitingBytes, Observer: c.Observer.Observer,
	}
}
