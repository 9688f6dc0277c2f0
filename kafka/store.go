package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/hooks"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/partition"
)

// Store is an event store in Kafka: a topic for each category, this process the only writer of all their
// partitions. Its methods may be called by any number of goroutines.
type Store struct {
	cfg        Config
	client     *client
	index      *index.Store
	categories map[string]*category

	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

var _ eventstore.Store = (*Store)(nil)

type category struct {
	topic      string
	partition  sarama.Partitioner
	partitions []ownedPartition
}

type ownedPartition struct {
	owner  *partition.Owner
	index  *index.Partition
	reader *partition.Reader
}

// Open connects to the cluster, verifies the topics, claims every partition from whoever has it, and reads all
// events into the index. What another store had appended until then is in it; what that one tries to append later fails
// there with [eventstore.ErrNotOwner]. The topics must exist: see [CreateTopics].
//
// Errors: all mistakes of cfg; brokers that do not answer; *[TopicsError]; *[CorruptError] where a topic holds what this
// library cannot have written; the end of ctx.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := patiently(ctx, func() error { return verify(ctx, cfg) }); err != nil {
		return nil, err
	}
	c, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, client: c, categories: make(map[string]*category), closed: make(chan struct{})}
	if err := s.openIndex(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.claimAll(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openIndex opens the index of the topics as they are now.
func (s *Store) openIndex(ctx context.Context) error {
	var id index.Identity
	err := patiently(ctx, func() (err error) {
		id, err = s.client.identity(ctx, s.cfg)
		return err
	})
	if err != nil {
		return err
	}
	s.index, err = index.Open(s.cfg.IndexDir, id, s.cfg.Logger)
	var unusable *index.UnusableError
	if errors.As(err, &unusable) {
		return &IndexError{Dir: unusable.Dir, Err: err}
	}
	return err
}

// A question to the cluster is asked this often, with a pause between, before a store gives up opening.
const (
	openAttempts = 5
	openPause    = 200 * time.Millisecond
)

// patiently asks again what failed on its way: a broker may go while others answer.
func patiently(ctx context.Context, ask func() error) error {
	var err error
	for range openAttempts {
		err = ask()
		var off *TopicsError
		var away *awayError
		if err == nil || errors.As(err, &off) || errors.As(err, &away) {
			return err
		}
		if clock.Wait(ctx, openPause) != nil {
			return err
		}
	}
	return err
}

// verify returns a *TopicsError if a topic is missing or not as it must be.
func verify(ctx context.Context, cfg Config) error {
	found, err := CheckTopics(ctx, cfg)
	if err != nil {
		return err
	}
	var off []TopicStatus
	for _, t := range found {
		if !t.Exists || len(t.Differences) > 0 {
			off = append(off, t)
		}
	}
	if len(off) > 0 {
		return &TopicsError{Topics: off}
	}
	return nil
}

// claimsAtOnce bounds the claims under way while a store opens.
const claimsAtOnce = 16

func (s *Store) claimAll(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(claimsAtOnce)
	for _, g := range s.cfg.Categories {
		topic := s.cfg.topic(g.Type)
		c := &category{
			topic: topic, partition: sarama.NewMurmur2Partitioner(topic), partitions: make([]ownedPartition, g.Partitions),
		}
		s.categories[g.Type] = c
		for p := range g.Partitions {
			group.Go(func() (err error) {
				c.partitions[p], err = s.claim(gctx, g.Type, topic, p)
				return public(err)
			})
		}
	}
	return group.Wait()
}

func (s *Store) claim(ctx context.Context, aggregateType, topic string, p int32) (ownedPartition, error) {
	idx, err := s.index.Partition(topic, p)
	if err != nil {
		return ownedPartition{}, err
	}
	owner, err := partition.Claim(ctx, partition.Config{
		Client:          s.client,
		Topic:           topic,
		Partition:       p,
		AggregateType:   aggregateType,
		TransactionalID: fmt.Sprintf("%s.%s.%d", s.cfg.TransactionalIDPrefix, topic, p),
		Index:           idx,
		Logger:          s.cfg.Logger,
		RequestTimeout:  s.cfg.RequestTimeout,
		RenewEvery:      s.cfg.ClaimRenewal,
		MaxBatchBytes:   s.cfg.MaxBatchBytes,
		MaxWaiting:      s.cfg.MaxWaitingCommits,
		MaxWaitingBytes: s.cfg.MaxWaitingBytes,
		Broken:          hooks.From(ctx),
	})
	reader := &partition.Reader{Client: s.client, Topic: topic, Partition: p, Index: idx}
	return ownedPartition{owner: owner, index: idx, reader: reader}, err
}

// Close stops appending, waits for the batches in flight, and disconnects. Commits that still wait are
// refused with [eventstore.ErrClosed]. It may be called more than once.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.closed)
		var group sync.WaitGroup
		for _, c := range s.categories {
			for _, p := range c.partitions {
				if p.owner != nil {
					group.Go(p.owner.Close)
				}
			}
		}
		group.Wait()
		s.client.close()
		if s.index != nil {
			s.closeErr = s.index.Close()
		}
	})
	return s.closeErr
}

// Append implements [eventstore.Store]. A commit is one record batch's, with others that waited at the same
// time. When ctx ends before the commit is on its way, nothing was appended and the error says so; afterwards it
// is [eventstore.ErrOutcomeUnknown].
//
// Errors beside those of the interface: *[OwnershipLostError], which matches [eventstore.ErrNotOwner]; *[RefusedError].
func (s *Store) Append(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records ...eventstore.Record,
) (eventstore.Result, error) {
	if err := eventstore.Check(stream, expected, records); err != nil {
		return eventstore.Result{}, err
	}
	p, err := s.partitionOf(ctx, stream)
	if err != nil {
		return eventstore.Result{}, err
	}
	result, err := p.owner.Append(ctx, stream, expected, records)
	return result, public(err)
}

// ReadStream implements [eventstore.Store]; it reads the index and asks no broker. What another process appended after
// it took the partition over is not in it.
func (s *Store) ReadStream(ctx context.Context, stream eventstore.Stream, from int64) iter.Seq2[eventstore.Record, error] {
	if err := eventstore.CheckStream(stream); err != nil {
		return failing(err)
	}
	p, err := s.partitionOf(ctx, stream)
	if err != nil {
		return failing(err)
	}
	return under(ctx, p.index.Stream(stream.ID, from))
}

// ReadCategory implements [eventstore.Store]; it reads the topic, partition after partition. A partition in which
// there is nothing after start costs no request.
func (s *Store) ReadCategory(
	ctx context.Context, aggregateType string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	c, err := s.category(ctx, aggregateType)
	if err != nil {
		return failing(err)
	}
	parts := make([]iter.Seq2[eventstore.Record, error], len(c.partitions))
	for i, p := range c.partitions {
		parts[i] = p.reader.Read(ctx, start)
	}
	return under(ctx, parts...)
}

// failing yields nothing but an error.
func failing(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}

// under yields what parts yield, one after the other, until ctx ends, whose error is then the last pair.
func under(ctx context.Context, parts ...iter.Seq2[eventstore.Record, error]) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for _, part := range parts {
			for r, err := range part {
				if err == nil && ctx.Err() != nil {
					r, err = eventstore.Record{}, context.Cause(ctx)
				}
				if err != nil {
					yield(eventstore.Record{}, public(err))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// Skipped returns how many records the reader rule has left out since the store was opened: written
// by someone who was not the owner of the partition. Each was logged with its position.
func (s *Store) Skipped() int64 {
	var n int64
	for _, c := range s.categories {
		for _, p := range c.partitions {
			n += p.owner.Skipped()
		}
	}
	return n
}

func (s *Store) category(ctx context.Context, aggregateType string) (*category, error) {
	select {
	case <-s.closed:
		return nil, eventstore.ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, ok := s.categories[aggregateType]
	if !ok {
		return nil, &eventstore.InvalidError{
			Field: "aggregate type", Found: fmt.Sprintf("%q", aggregateType), Want: "one of the store's Categories",
		}
	}
	return c, nil
}

func (s *Store) partitionOf(ctx context.Context, stream eventstore.Stream) (ownedPartition, error) {
	c, err := s.category(ctx, stream.Type)
	if err != nil {
		return ownedPartition{}, err
	}
	n, err := c.partition.Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(stream.ID)}, int32(len(c.partitions)))
	if err != nil {
		return ownedPartition{}, fmt.Errorf("partition of %s: %w", stream, err)
	}
	return c.partitions[n], nil
}

// public turns the mechanism's errors into those of this package.
func public(err error) error {
	if err == nil {
		return nil // before anything is allocated: this is on the way of every append
	}
	return publicOf(err)
}

func publicOf(err error) error {
	var lost *partition.LostError
	var corrupt *partition.CorruptError
	var refused *partition.RefusedError
	switch {
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return err
	case errors.As(err, &lost):
		return &OwnershipLostError{Topic: lost.Topic, Partition: lost.Partition, Err: err}
	case errors.As(err, &corrupt):
		return &CorruptError{Topic: corrupt.Topic, Partition: corrupt.Partition, Offset: corrupt.Offset, Err: err}
	case errors.As(err, &refused):
		return &RefusedError{Topic: refused.Topic, Partition: refused.Partition, Err: err}
	}
	return err
}
