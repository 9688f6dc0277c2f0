package topics

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fencelog/fencelog/eventstore"
	names "github.com/fencelog/fencelog/internal/topics"
)

// Defaults of [Config].
const (
	DefaultPrefix            = names.DefaultPrefix
	DefaultPartitions        = 10
	DefaultReplicationFactor = 3
	DefaultMinInSyncReplicas = 2
	DefaultCompression       = LZ4
)

// Config says which topics there must be. Categories is required; any other field may be left zero.
type Config struct {
	// Prefix begins the name of every topic: <prefix>.<category in lower case>.events.
	// Default: [DefaultPrefix].
	Prefix string

	// Categories are the categories that a store holds, a topic each.
	Categories []Category

	// ReplicationFactor and MinInSyncReplicas are what the topics must have.
	// Defaults: [DefaultReplicationFactor], [DefaultMinInSyncReplicas].
	ReplicationFactor int16
	MinInSyncReplicas int

	// Compression is how batches are compressed, and the setting compression.type of topics that
	// are created. Readers need the codec: READERS.md says what each client lacks. A topic's own
	// setting wins: brokers compress again what comes in another codec. If you change
	// Compression, change the topics too. Stored batches stay as they are, and stores still read
	// them.
	// Default: [DefaultCompression].
	Compression Compression

	// ProviderSettings are names of topic settings, such as compression.type, that the provider of
	// a managed cluster lets nobody set: [Create] leaves them out. [Check] still compares them,
	// except for compression.type, on which nothing depends. Default: none.
	ProviderSettings []string
}

// Category names a category and says how its topic is divided.
type Category struct {
	Name       string // its durable name
	Partitions int32  // of its topic, fixed for ever; default: [DefaultPartitions]

	// PartitionKey says which streams are kept together, so that one commit may write to several
	// of them. It is fixed once there are events. Default: eventstore.WholeID.
	PartitionKey eventstore.PartitionKey
}

// Complete returns the configuration with its defaults. It fails with all mistakes, joined; each
// names its field by the path from a configuration that holds this one as Topics.
func (c Config) Complete() (Config, error) {
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.ReplicationFactor = cmp.Or(c.ReplicationFactor, DefaultReplicationFactor)
	c.MinInSyncReplicas = cmp.Or(c.MinInSyncReplicas, DefaultMinInSyncReplicas)
	c.Compression = cmp.Or(c.Compression, DefaultCompression)
	c.Categories = slices.Clone(c.Categories)
	for i := range c.Categories {
		c.Categories[i].Partitions = cmp.Or(c.Categories[i].Partitions, DefaultPartitions)
	}
	if err := errors.Join(c.check()...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// check returns all that is wrong with a configuration that has its defaults.
func (c Config) check() (wrong []error) {
	report := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf("Topics."+format, args...))
		}
	}
	report(!names.Legal(c.Prefix), "Prefix: found %q, expected %s", c.Prefix, names.LegalNames)
	report(len(c.Categories) == 0, "Categories is empty, expected the categories of the service")
	seen := make(map[string]string)
	for _, g := range c.Categories {
		if err := eventstore.CheckCategory(g.Name); err != nil {
			wrong = append(wrong, fmt.Errorf("Topics.Categories: %w", err))
		}
		report(g.Partitions < 0, "Categories: %s: found %d partitions, expected 1 or more", g.Name, g.Partitions)
		report(!g.PartitionKey.Known(), "Categories: %s: found %s, expected a PartitionKey of package eventstore",
			g.Name, g.PartitionKey)
		topic := c.NameOf(g.Name)
		report(seen[topic] != "", "Categories: %s and %s have one topic, %s", seen[topic], g.Name, topic)
		seen[topic] = g.Name
	}
	report(int(c.ReplicationFactor) < c.MinInSyncReplicas || c.MinInSyncReplicas < 1,
		"MinInSyncReplicas is %d, expected 1 to ReplicationFactor, %d", c.MinInSyncReplicas, c.ReplicationFactor)
	report(!c.Compression.known(),
		"Compression is %q, expected one of %s", c.Compression, strings.Join(Compressions(), ", "))
	known := SettingNames()
	for _, name := range c.ProviderSettings {
		report(!slices.Contains(known, name),
			"ProviderSettings: found %q, expected some of %s", name, strings.Join(known, ", "))
	}
	return wrong
}

// NameOf returns the name of a category's topic. The configuration must be complete.
func (c Config) NameOf(category string) string { return names.Name(c.Prefix, category) }

// Names returns the names of the categories' topics, in their order. The configuration must be
// complete.
func (c Config) Names() []string {
	all := make([]string, len(c.Categories))
	for i, g := range c.Categories {
		all[i] = c.NameOf(g.Name)
	}
	return all
}

// CategoryNames returns the names of the categories, in their order.
func (c Config) CategoryNames() []string {
	all := make([]string, len(c.Categories))
	for i, g := range c.Categories {
		all[i] = g.Name
	}
	return all
}

// DeadLetters returns the name of the topic for what handlers could not handle. The configuration
// must be complete.
func (c Config) DeadLetters() string { return c.Prefix + ".dead-letter" }
