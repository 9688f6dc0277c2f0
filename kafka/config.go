package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	names "github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Defaults of [Config].
const (
	DefaultTransactionalIDPrefix = "fencelog"
	DefaultClaimRenewal          = time.Hour
	DefaultQuietTime             = 30 * time.Second
	DefaultCheckEvery            = 10 * time.Second
	DefaultMaxBatchBytes         = 900 << 10
	DefaultMaxWaitingCommits     = 10_000
	DefaultMaxWaitingBytes       = 64 << 20

	DefaultSubscriptionSession   = 30 * time.Second
	DefaultSubscriptionHeartbeat = 3 * time.Second
)

// Config configures a [Store]. Connection.Brokers and Topics.Categories are required. Any other
// field may be zero.
type Config struct {
	// Connection says how the store reaches the brokers.
	Connection connection.Config

	// Topics says which topics hold the events. [topics.Create] makes them.
	Topics topics.Config

	// TransactionalIDPrefix begins the transactional ids, <prefix>.<topic>.<partition>. By these
	// ids the instances of a service fence one another, so the prefix must be the same for all of
	// them. Default: [DefaultTransactionalIDPrefix].
	TransactionalIDPrefix string

	// Sharing makes several instances of a service share the partitions. Default: this instance
	// owns all of them.
	Sharing Sharing

	// IndexDir is the folder of the index. No other instance may use it. It can be deleted while
	// the store is closed: the next start makes it again from Kafka. Default: none. Then the index
	// is in memory, and every start makes it.
	IndexDir string

	// ClaimRenewal is the time between two renewals of the claims. It must be well below two
	// settings of the brokers: producer.id.expiration.ms, a day by default, and
	// transactional.id.expiration.ms, a week by default. Default: [DefaultClaimRenewal].
	ClaimRenewal time.Duration

	// QuietTime is the time after which this store takes back a partition that another process has
	// claimed. For so long the log must show nothing of that process: no marker, and no batch that
	// counts. If a program ran beside the service by mistake and has ended, it costs the service
	// this long.
	//
	// Two stores that both run without Sharing take the partitions from each other. If the owner of
	// a partition has appended nothing for this time, the other store takes it.
	//
	// With Sharing the field means nothing: an instance claims at once what the group assigns to
	// it. Default: [DefaultQuietTime].
	QuietTime time.Duration

	// CheckEvery is the time between two looks at the topics while the store runs. The store looks
	// at their settings, partitions, replicas and ids, and at the offset where each partition
	// begins. See [Store.TopicHealth]. Default: [DefaultCheckEvery].
	//
	// Each look also fetches one batch of each partition, at a random offset that the index has
	// read. It shows whether the log still holds that offset. The first look after Open fetches
	// eight.
	//
	// A look costs two requests, one more to each broker that leads a partition, and a fetch for
	// each partition that is not empty. Ten partitions on three brokers cost 15 requests each
	// CheckEvery. A fetch brings one batch, 1 MiB at most.
	//
	// If a share h of the log is gone, a store says so after 1/h fetches on average. It may not
	// notice a few lost records among millions.
	CheckEvery time.Duration

	// MaxBatchBytes closes a batch once its commits have this size before compression. It must
	// leave room below the topics' max.message.bytes. Default: [DefaultMaxBatchBytes].
	MaxBatchBytes int

	// MaxWaitingCommits and MaxWaitingBytes bound, for each partition, the commits that wait for a
	// batch. Further callers of Append, and the rest of long lists of AppendEach, wait under their
	// context. Defaults: [DefaultMaxWaitingCommits], [DefaultMaxWaitingBytes].
	MaxWaitingCommits int
	MaxWaitingBytes   int64

	// SubscriptionSession is the time without a heartbeat after which the brokers take a member of
	// a subscription's consumer group for dead. SubscriptionHeartbeat is the time between two
	// heartbeats. Defaults: [DefaultSubscriptionSession], [DefaultSubscriptionHeartbeat].
	SubscriptionSession   time.Duration
	SubscriptionHeartbeat time.Duration

	// Hooks are told what happens inside, for metrics and traces. Default: none.
	Hooks Hooks

	// Logger gets claims, catching up, retries and the records that the reader rule skips. Default:
	// the Logger of Connection. If Connection has no Logger, it gets this one.
	Logger *slog.Logger
}

// Complete returns the configuration with its defaults. [Open] calls it. If there are mistakes, it
// fails with all of them joined, also those of Connection and Topics. Each names its field by its
// path.
func (c Config) Complete() (Config, error) {
	c.setDefaults()
	var wrongConnection, wrongTopics error
	c.Connection, wrongConnection = c.Connection.Complete()
	c.Topics, wrongTopics = c.Topics.Complete()
	wrong := []error{wrongConnection, wrongTopics}
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	report(!names.Legal(c.TransactionalIDPrefix),
		"TransactionalIDPrefix: found %q, expected %s", c.TransactionalIDPrefix, names.LegalNames)
	report(c.ClaimRenewal < time.Millisecond, "ClaimRenewal is %s, expected 1ms or more", c.ClaimRenewal)
	report(c.QuietTime < time.Millisecond, "QuietTime is %s, expected 1ms or more", c.QuietTime)
	report(c.CheckEvery < time.Millisecond, "CheckEvery is %s, expected 1ms or more", c.CheckEvery)
	report(c.MaxBatchBytes < 1 || c.MaxBatchBytes > DefaultMaxBatchBytes,
		"MaxBatchBytes is %d, expected 1 to %d", c.MaxBatchBytes, DefaultMaxBatchBytes)
	report(c.MaxWaitingCommits < 1, "MaxWaitingCommits is %d, expected 1 or more", c.MaxWaitingCommits)
	report(c.MaxWaitingBytes < eventstore.MaxCommitBytes,
		"MaxWaitingBytes is %d, expected room for a commit, %d or more", c.MaxWaitingBytes, eventstore.MaxCommitBytes)
	report(c.SubscriptionHeartbeat < 0 || c.SubscriptionSession < 2*c.SubscriptionHeartbeat,
		"SubscriptionSession is %s and SubscriptionHeartbeat %s, expected a session of several heartbeats",
		c.SubscriptionSession, c.SubscriptionHeartbeat)
	if c.Sharing.on() {
		wrong = append(wrong, c.Sharing.check()...)
	}
	if err := errors.Join(wrong...); err != nil {
		return Config{}, fmt.Errorf("kafka configuration: %w", err)
	}
	return c, nil
}

func (c *Config) setDefaults() {
	set(&c.TransactionalIDPrefix, DefaultTransactionalIDPrefix)
	set(&c.ClaimRenewal, DefaultClaimRenewal)
	set(&c.QuietTime, DefaultQuietTime)
	set(&c.CheckEvery, DefaultCheckEvery)
	set(&c.MaxBatchBytes, DefaultMaxBatchBytes)
	set(&c.MaxWaitingCommits, DefaultMaxWaitingCommits)
	set(&c.MaxWaitingBytes, DefaultMaxWaitingBytes)
	set(&c.SubscriptionSession, DefaultSubscriptionSession)
	set(&c.SubscriptionHeartbeat, DefaultSubscriptionHeartbeat)
	set(&c.Logger, c.Connection.Logger)
	set(&c.Logger, slog.Default())
	set(&c.Connection.Logger, c.Logger)
	c.Sharing.setDefaults(c.TransactionalIDPrefix)
}

// set gives a field that is zero its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// TransactionalID returns the transactional id of the owner of a partition. The configuration must
// be complete.
func (c Config) TransactionalID(topic string, partition int32) string {
	return fmt.Sprintf("%s.%s.%d", c.TransactionalIDPrefix, topic, partition)
}
