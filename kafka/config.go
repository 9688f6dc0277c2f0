package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/topics"
)

// Defaults of [Config].
const (
	DefaultClientID              = "fencelog"
	DefaultTopicPrefix           = topics.DefaultPrefix
	DefaultTransactionalIDPrefix = "fencelog"
	DefaultPartitions            = 10
	DefaultReplicationFactor     = 3
	DefaultMinInSyncReplicas     = 2
	DefaultCompression           = CompressionLZ4
	DefaultRequestTimeout        = 10 * time.Second
	DefaultClaimRenewal          = time.Hour
	DefaultQuietTime             = 30 * time.Second
	DefaultCheckEvery            = 10 * time.Second
	DefaultMaxBatchBytes         = 900 << 10
	DefaultMaxWaitingCommits     = 10_000
	DefaultMaxWaitingBytes       = 64 << 20
)

// Config configures a [Store] and the topics it needs. Brokers and Categories are required; any
// other field may be left zero.
type Config struct {
	// Brokers are the addresses, host:port, of some brokers of the cluster.
	Brokers []string

	// Categories are the categories that the store holds, a topic each.
	Categories []Category

	// Security is how the connections are encrypted, and how this service and the brokers know each other. Default: not at all.
	Security Security

	// ClientID names this service to the brokers. Default: [DefaultClientID].
	ClientID string

	// TopicPrefix begins the name of every topic: <prefix>.<category in lower case>.events.
	// Default: [DefaultTopicPrefix].
	TopicPrefix string

	// TransactionalIDPrefix begins the transactional ids, <prefix>.<topic>.<partition>, by which the instances
	// of a service fence one another: it must be the same for all of them. Default: [DefaultTransactionalIDPrefix].
	TransactionalIDPrefix string

	// Sharing has several instances of a service share the partitions. Default: this instance owns all of them.
	Sharing Sharing

	// IndexDir is the folder of the index, of this instance alone. It can be deleted while the store is closed: it is made again
	// from Kafka. Default: none, the index is in memory, and made at every start.
	IndexDir string

	// ReplicationFactor and MinInSyncReplicas are what the topics must have.
	// Defaults: [DefaultReplicationFactor], [DefaultMinInSyncReplicas].
	ReplicationFactor int16
	MinInSyncReplicas int

	// Compression is how batches are compressed, and the setting compression.type of topics that are created. Readers need
	// the codec: READERS.md says what each client lacks. A topic's own setting wins: brokers compress again what comes in
	// another codec. So who changes Compression changes the topics, too; what is stored stays as it is, and is read as
	// before. Default: [DefaultCompression].
	Compression Compression

	// ProviderSettings are names of topic settings, such as compression.type, that the provider of a managed cluster lets nobody set:
	// topics are created without them. What they are is checked all the same, except for compression.type, on which nothing
	// depends. Default: none.
	ProviderSettings []string

	// RequestTimeout is how long a broker may take to replicate a batch before it is sent again.
	// Default: [DefaultRequestTimeout].
	RequestTimeout time.Duration

	// ClaimRenewal is the time between two renewals of the claims. It must be well below the brokers' producer.id.expiration.ms, a
	// day by default, and transactional.id.expiration.ms, a week. Default: [DefaultClaimRenewal].
	ClaimRenewal time.Duration

	// QuietTime is how long the log of a partition that another process has claimed must show nothing of it before this store claims the partition again:
	// no marker, and no batch that counts. A program that ran beside the service by mistake and has ended costs the service this long.
	// Two stores that both run without Sharing take the partitions from each other: a partition goes to the other store when its owner has appended
	// nothing for so long. With Sharing it means nothing: an instance claims at once what the group assigns to it. Default: [DefaultQuietTime].
	QuietTime time.Duration

	// CheckEvery is the time between two looks at the topics while the store runs: their settings, partitions, replicas and ids, and where their
	// partitions begin. See [Store.TopicHealth]. Default: [DefaultCheckEvery].
	//
	// Each look also fetches one batch of each partition, at a random offset that the index has read, to see whether the log still holds it. The
	// first look after Open fetches eight. So a look costs two requests, one more to each broker that leads a partition, and a fetch for each
	// partition that is not empty: ten partitions on three brokers cost 15 requests each CheckEvery. A fetch brings one batch, 1 MiB at most.
	// Where a share h of the log is gone, a store says so after 1/h fetches on average: a few lost records among millions may stay unnoticed.
	CheckEvery time.Duration

	// MaxBatchBytes closes a batch once its commits have this size before compression. It must leave room below
	// the topics' max.message.bytes. Default: [DefaultMaxBatchBytes].
	MaxBatchBytes int

	// MaxWaitingCommits and MaxWaitingBytes bound, for each partition, the commits that wait for a batch; further callers of
	// Append wait under their context. Defaults: [DefaultMaxWaitingCommits], [DefaultMaxWaitingBytes].
	MaxWaitingCommits int
	MaxWaitingBytes   int64

	// Hooks are told what happens inside, for metrics and traces. Default: none.
	Hooks Hooks

	// Logger gets claims, catching up, retries and whatever the reader rule skips. Default: slog.Default().
	Logger *slog.Logger
}

// Category names a category and says into how many partitions its topic is divided.
type Category struct {
	Name       string // its durable name
	Partitions int32  // of its topic, fixed for ever; default: [DefaultPartitions]
}

// complete returns the configuration with its defaults, or everything that is wrong with it.
func (c Config) complete() (Config, error) {
	c.setDefaults()
	var wrong []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	report(len(c.Brokers) == 0, "Brokers is empty, expected at least one address such as localhost:9092")
	for _, addr := range c.Brokers {
		host, port, err := net.SplitHostPort(addr)
		report(err != nil || host == "" || port == "", "Brokers: found %q, expected host:port", addr)
	}
	report(len(c.Categories) == 0, "Categories is empty, expected the categories of the service")
	seen := make(map[string]string)
	c.Categories = append([]Category(nil), c.Categories...)
	for i := range c.Categories {
		g := &c.Categories[i]
		if g.Partitions == 0 {
			g.Partitions = DefaultPartitions
		}
		if err := eventstore.CheckCategory(g.Name); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", "Categories", err))
		}
		report(g.Partitions < 0, "Categories: %s: found %d partitions, expected 1 or more", g.Name, g.Partitions)
		topic := c.topic(g.Name)
		report(seen[topic] != "", "Categories: %s and %s have one topic, %s", seen[topic], g.Name, topic)
		seen[topic] = g.Name
	}
	report(int(c.ReplicationFactor) < c.MinInSyncReplicas || c.MinInSyncReplicas < 1,
		"MinInSyncReplicas is %d, expected 1 to ReplicationFactor, %d", c.MinInSyncReplicas, c.ReplicationFactor)
	report(!c.Compression.known(), "Compression is %q, expected one of %s", string(c.Compression), compressions())
	report(c.RequestTimeout < 100*time.Millisecond, "RequestTimeout is %s, expected 100ms or more", c.RequestTimeout)
	report(c.ClaimRenewal < time.Millisecond, "ClaimRenewal is %s, expected 1ms or more", c.ClaimRenewal)
	report(c.QuietTime < time.Millisecond, "QuietTime is %s, expected 1ms or more", c.QuietTime)
	report(c.CheckEvery < time.Millisecond, "CheckEvery is %s, expected 1ms or more", c.CheckEvery)
	report(c.MaxBatchBytes < 1 || c.MaxBatchBytes > DefaultMaxBatchBytes,
		"MaxBatchBytes is %d, expected 1 to %d", c.MaxBatchBytes, DefaultMaxBatchBytes)
	report(c.MaxWaitingCommits < 1, "MaxWaitingCommits is %d, expected 1 or more", c.MaxWaitingCommits)
	report(c.MaxWaitingBytes < eventstore.MaxCommitBytes,
		"MaxWaitingBytes is %d, expected room for a commit, %d or more", c.MaxWaitingBytes, eventstore.MaxCommitBytes)
	if c.Sharing.on() {
		wrong = append(wrong, c.Sharing.check()...)
	}
	wrong = append(append(wrong, c.checkNames()...), c.Security.check()...)
	if err := errors.Join(wrong...); err != nil {
		return Config{}, fmt.Errorf("kafka configuration: %w", err)
	}
	return c, nil
}

func (c *Config) setDefaults() {
	set(&c.ClientID, DefaultClientID)
	set(&c.TopicPrefix, DefaultTopicPrefix)
	set(&c.TransactionalIDPrefix, DefaultTransactionalIDPrefix)
	set(&c.ReplicationFactor, DefaultReplicationFactor)
	set(&c.MinInSyncReplicas, DefaultMinInSyncReplicas)
	set(&c.Compression, DefaultCompression)
	set(&c.RequestTimeout, DefaultRequestTimeout)
	set(&c.ClaimRenewal, DefaultClaimRenewal)
	set(&c.QuietTime, DefaultQuietTime)
	set(&c.CheckEvery, DefaultCheckEvery)
	set(&c.MaxBatchBytes, DefaultMaxBatchBytes)
	set(&c.MaxWaitingCommits, DefaultMaxWaitingCommits)
	set(&c.MaxWaitingBytes, DefaultMaxWaitingBytes)
	set(&c.Logger, slog.Default())
	c.Sharing.setDefaults(c.TransactionalIDPrefix)
}

// set gives a field that was left zero its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) topic(category string) string { return topics.Name(c.TopicPrefix, category) }

// connectTime bounds the dialling of a broker, and what a broker may take beyond RequestTimeout to answer.
const connectTime = 5 * time.Second

func (c Config) sarama() *sarama.Config {
	s := sarama.NewConfig()
	s.ClientID = c.ClientID
	s.Version = sarama.V2_8_0_0 // of the requests; any later broker answers them
	s.Net.DialTimeout = connectTime
	s.Net.ReadTimeout = c.RequestTimeout + connectTime
	s.Net.WriteTimeout = c.RequestTimeout
	s.Metadata.AllowAutoTopicCreation = false
	s.Metadata.Timeout = 2 * s.Net.ReadTimeout // not for minutes, and still a second broker is asked where the first one hangs
	s.Admin.Timeout = c.RequestTimeout
	c.Security.apply(s)
	return s
}
