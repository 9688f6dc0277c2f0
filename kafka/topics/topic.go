package topics

import (
	"maps"
	"math"
	"slices"
	"strconv"
)

// Topic is a Kafka topic as it must be.
type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	Settings          map[string]string
}

// All returns the topics of the configuration: one for each category, in their order, and the one
// for dead letters. It fails with all mistakes of the configuration.
func (c Config) All() ([]Topic, error) {
	c, err := c.Complete()
	if err != nil {
		return nil, err
	}
	settings := c.settings()
	if slices.Contains(c.ProviderSettings, compressionType) {
		delete(settings, compressionType)
	}
	all := make([]Topic, 0, len(c.Categories)+1)
	for _, g := range c.Categories {
		all = append(all, Topic{c.NameOf(g.Name), g.Partitions, c.ReplicationFactor, settings})
	}
	return append(all, Topic{c.DeadLetters(), 1, c.ReplicationFactor, settings}), nil
}

// settings are those of every topic.
func (c Config) settings() map[string]string {
	return map[string]string{
		cleanupPolicy:                    "delete",
		"retention.ms":                   "-1",
		"retention.bytes":                "-1",
		"min.insync.replicas":            strconv.Itoa(c.MinInSyncReplicas),
		"unclean.leader.election.enable": "false",
		compressionType:                  string(c.Compression),
		"message.timestamp.type":         "CreateTime",
		timestampAhead:                   strconv.FormatInt(math.MaxInt64, 10),
	}
}

// SettingNames returns the names of the settings that [Create] gives to topics, sorted.
func SettingNames() []string { return slices.Sorted(maps.Keys(Config{}.settings())) }

// cleanupPolicy says whether brokers delete all but the newest record of a key.
const cleanupPolicy = "cleanup.policy"

// compressionType is the one setting that nothing depends on.
const compressionType = "compression.type"

// timestampAhead is how far, in milliseconds, the time of a record may be ahead of a broker's
// clock. Events have their own time, and a broker whose clock is behind must not refuse them. Kafka
// before 3.6 does not know the setting, and has no such bound.
const timestampAhead = "message.timestamp.after.max.ms"

// maxMessageBytes is how large a batch may be that a topic takes, after compression. Topics are
// created with what the brokers have for it. Check compares it with leastMessageBytes, the brokers'
// own default: the largest commit needs nearly so many.
const (
	maxMessageBytes   = "max.message.bytes"
	leastMessageBytes = 1_048_588
)
