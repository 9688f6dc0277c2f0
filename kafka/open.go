package kafka

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Open connects to the cluster, verifies the topics, and reads all events into the index. From then
// on it follows what is appended. The topics must exist: see [topics.Create].
//
// Open claims nothing, so it takes no partition from its owner. [Store.Claim] does that, and a
// service calls it last. Until then Append and ReadQueued fail with a *[NotOwnerError]. A store
// that never claims is a reader.
//
// Open fails
//   - with all mistakes of cfg;
//   - with *[topics.Error] if a topic is missing or not as it must be;
//   - with *[CorruptError] if a topic holds data that this library cannot have written;
//   - with *[IndexError] if the folder of the index cannot be used;
//   - if no broker answers;
//   - if ctx ends.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.Complete()
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, cfg.Connection, cfg.Topics.Names())
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, client: c, categories: make(map[string]*category),
		turn: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	if err := s.read(ctx); err != nil {
		return nil, errors.Join(client.Explain(cfg.Connection.Security, err), s.Close())
	}
	return s, nil
}

// read verifies the topics, opens the index, and follows every partition from its end on.
func (s *Store) read(ctx context.Context) error {
	if err := s.verify(ctx); err != nil {
		return err
	}
	ids, err := s.openIndex(ctx)
	if err != nil {
		return err
	}
	if err := s.addPartitions(ctx); err != nil {
		return err
	}
	if err := s.each(ctx, storedPartition.Follow); err != nil {
		return err
	}
	return s.startWatch(ctx, ids)
}

// openIndex opens the index of the topics as they are now. It returns their ids.
func (s *Store) openIndex(ctx context.Context) (client.IDs, error) {
	ids, err := s.client.IDs(ctx, s.cfg.Topics.Names())
	if err != nil {
		return ids, err
	}
	id := index.Identity{ClusterID: ids.Cluster, Topics: make(map[string]index.Topic)}
	for _, g := range s.cfg.Topics.Categories { // a topic may have further partitions, which stay unused
		topic := s.cfg.Topics.NameOf(g.Name)
		id.Topics[topic] = index.Topic{
			ID: ids.Topics[topic], Partitions: g.Partitions, PartitionKey: g.PartitionKey,
		}
	}
	s.index, err = index.Open(s.cfg.IndexDir, id, s.cfg.Logger)
	return ids, public(err)
}

// verify returns a *[topics.Error] if a topic is missing or not as it must be.
func (s *Store) verify(ctx context.Context) error {
	defer s.client.Conns.CutWhenDone(ctx)()
	want, err := s.cfg.Topics.All()
	if err != nil {
		return err
	}
	found, _, err := topics.Inspect(ctx, s.client, want)
	if err != nil {
		return err
	}
	for _, t := range found {
		if t.Extra > 0 {
			s.cfg.Logger.Warn("topic has more partitions than are configured; they are empty, and stay unused",
				"topic", t.Name,
				"configured", t.Partitions, "extra", t.Extra)
		}
	}
	return topics.ErrorOf(found)
}

// atOnce bounds the partitions on which each works at the same time.
const atOnce = 16

func (s *Store) addPartitions(ctx context.Context) error {
	for _, g := range s.cfg.Topics.Categories {
		topic := s.cfg.Topics.NameOf(g.Name)
		c := &category{
			topic: topic, key: g.PartitionKey, keysUnchecked: broken.From(ctx).KeysUnchecked,
			partitions: make([]storedPartition, g.Partitions),
		}
		for p := range g.Partitions {
			idx, err := s.index.Partition(topic, p)
			if err != nil {
				return public(err)
			}
			c.partitions[p] = storedPartition{
				Partition: partition.New(s.partitionConfig(ctx, g, p, idx)),
				index:     idx,
				reader: &log.Reader{
					Client: s.client, Pool: s.client.Reading, Topic: topic, Partition: p,
					Index: idx,
				},
			}
		}
		s.categories[g.Name] = c
	}
	return nil
}

func (s *Store) partitionConfig(
	ctx context.Context, g topics.Category, p int32, idx *index.Partition,
) partition.Config {
	topic := s.cfg.Topics.NameOf(g.Name)
	return partition.Config{
		Client:          s.client,
		Topic:           topic,
		Partition:       p,
		Partitions:      g.Partitions,
		Category:        g.Name,
		Key:             g.PartitionKey,
		TransactionalID: s.cfg.TransactionalID(topic, p),
		Index:           idx,
		Logger:          s.cfg.Logger,
		RequestTimeout:  s.cfg.Connection.RequestTimeout,
		RenewEvery:      s.cfg.ClaimRenewal,
		Codec:           codecOf(s.cfg.Topics.Compression),
		MaxBatchBytes:   s.cfg.MaxBatchBytes,
		MaxWaiting:      s.cfg.MaxWaitingCommits,
		MaxWaitingBytes: s.cfg.MaxWaitingBytes,
		Observer:        s.cfg.Hooks.observer(topic, p),
		Broken:          broken.From(ctx),
		Keep:            !s.cfg.Sharing.on(), // if the partitions are shared, the seats claim again
		Quiet:           s.cfg.QuietTime,
	}
}

// each calls do for all partitions, some at a time, and returns the first error.
func (s *Store) each(ctx context.Context, do func(storedPartition, context.Context) error) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, c := range s.categories {
		for _, p := range c.partitions {
			group.Go(func() error { return public(do(p, gctx)) })
		}
	}
	return group.Wait()
}
