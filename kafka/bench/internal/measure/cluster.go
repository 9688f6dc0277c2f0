package measure

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"

	names "github.com/fencelog/fencelog/internal/topics"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/topics"
)

// cluster is a plain client of the brokers, below any store.
type cluster struct {
	sarama.Client
	brokers []string
}

// base is the configuration that the clients share. Any broker from its version on answers them.
func base() *sarama.Config {
	s := sarama.NewConfig()
	s.Version = sarama.V2_8_0_0
	s.Metadata.AllowAutoTopicCreation = false
	return s
}

func connect(brokers []string) (*cluster, error) {
	c, err := sarama.NewClient(brokers, base())
	if err != nil {
		return nil, err
	}
	return &cluster{Client: c, brokers: brokers}, nil
}

// config returns the store configuration of topics with the prefix name. It makes topics that do
// not exist.
func (c *cluster) config(ctx context.Context, name string, parts int32, dir string) (kafka.Config, error) {
	return c.keyed(ctx, name, topics.Category{Name: category, Partitions: parts}, dir)
}

// keyed is config for a category that may have a partition key.
func (c *cluster) keyed(ctx context.Context, name string, one topics.Category, dir string) (kafka.Config, error) {
	cfg := kafka.Config{
		Connection: connection.Config{Brokers: c.brokers, Logger: slog.New(slog.DiscardHandler)},
		Topics: topics.Config{
			Prefix:     name,
			Categories: []topics.Category{one},
		},
		TransactionalIDPrefix: name,
		IndexDir:              dir,
	}
	_, err := topics.Create(ctx, cfg.Connection, cfg.Topics)
	return cfg, err
}

// topic makes the topic of that name as a store would, and returns its name.
func (c *cluster) topic(ctx context.Context, name string, parts int32) (string, error) {
	_, err := c.config(ctx, name, parts, "")
	return names.Name(name, category), err
}

// dial opens a separate connection to the partition's leader.
func (c *cluster) dial(topic string, partition int32) (*sarama.Broker, error) {
	leader, err := c.Leader(topic, partition)
	if err != nil {
		return nil, err
	}
	b := sarama.NewBroker(leader.Addr())
	if err := b.Open(c.Config()); err != nil {
		return nil, err
	}
	if _, err := b.Connected(); err != nil {
		return nil, err
	}
	return b, nil
}

// ends returns the offsets after each partition's last record.
func (c *cluster) ends(topic string) ([]int64, error) {
	parts, err := c.Partitions(topic)
	if err != nil {
		return nil, err
	}
	ends := make([]int64, len(parts))
	for _, p := range parts {
		if ends[p], err = c.GetOffset(topic, p, sarama.OffsetNewest); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// stored returns how many records the topic has without its markers. markers is how many markers it
// holds.
func (c *cluster) stored(topic string, markers int64) (int64, error) {
	ends, err := c.ends(topic)
	sum := -markers
	for _, end := range ends {
		sum += end
	}
	return sum, err
}

// count reads the topic and returns how many records it has that are no markers. The end of a
// store's topic does not tell that, because nobody knows the number of markers. A claim that fails
// and is made again leaves two.
func (c *cluster) count(topic string) (records int64, err error) {
	err = c.read(topic, make(map[int32]int64), func(*sarama.Record) error {
		records++
		return nil
	})
	return records, err
}

// read calls each with the records of the topic that are no markers, from the offsets next on, by
// partition. It sets these to the offsets after what it has read.
func (c *cluster) read(topic string, next map[int32]int64, each func(*sarama.Record) error) error {
	ends, err := c.ends(topic)
	if err != nil {
		return err
	}
	for i, end := range ends {
		p := int32(i)
		b, err := c.Leader(topic, p)
		if err != nil {
			return err
		}
		for next[p] < end {
			block, err := fetch(b, topic, p, next[p], sampleBytes)
			if err != nil {
				return err
			}
			for _, set := range block.RecordsSet {
				b := set.RecordBatch
				if b == nil || b.PartialTrailingRecord || b.FirstOffset < next[p] {
					continue
				}
				next[p] = b.LastOffset() + 1
				if b.Control {
					continue
				}
				for _, r := range b.Records {
					if err := each(r); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// A sample of a partition's batches has at most this many bytes.
const sampleBytes = 1 << 20

// perBatch returns how many records the batches between two ends of a topic have on average, from a
// sample in the middle of each partition.
func (c *cluster) perBatch(topic string, from, to []int64) (float64, error) {
	records, batches := 0, 0
	for p := range from {
		if to[p] == from[p] {
			continue
		}
		b, err := c.Leader(topic, int32(p))
		if err != nil {
			return 0, err
		}
		block, err := fetch(b, topic, int32(p), (from[p]+to[p])/2, sampleBytes)
		if err != nil {
			return 0, err
		}
		for _, set := range block.RecordsSet {
			if b := set.RecordBatch; b != nil && !b.Control && !b.PartialTrailingRecord && b.LastOffset() < to[p] {
				records, batches = records+len(b.Records), batches+1
			}
		}
	}
	if batches == 0 {
		return 0, nil
	}
	return float64(records) / float64(batches), nil
}

// fetch asks a broker for the batches from the one with offset on.
func fetch(
	b *sarama.Broker, topic string, partition int32, offset int64, most int32,
) (*sarama.FetchResponseBlock, error) {
	const waitMs = 250
	r := &sarama.FetchRequest{
		Version: 11, MaxWaitTime: waitMs, MinBytes: 1, MaxBytes: most,
		Isolation: sarama.ReadUncommitted,
	}
	r.AddBlock(topic, partition, offset, most, -1)
	response, err := b.Fetch(r)
	if err != nil {
		return nil, err
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return nil, fmt.Errorf("fetch from %s: the answer does not name the partition", b.Addr())
	}
	if block.Err != sarama.ErrNoError {
		return nil, block.Err
	}
	return block, nil
}
