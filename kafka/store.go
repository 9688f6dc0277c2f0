package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/client"
	"github.com/fencelog/fencelog/kafka/internal/groups"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/owner"
	"github.com/fencelog/fencelog/kafka/internal/partition"
	"github.com/fencelog/fencelog/kafka/internal/watch"
	"github.com/fencelog/fencelog/kafka/internal/wire"
	"github.com/fencelog/fencelog/kafka/topics"
)

// Store is an event store in Kafka. It has a topic for each category. One process at a time is the
// only writer of a partition. Any number of goroutines may call the methods of a Store.
type Store struct {
	cfg        Config
	client     *client.Client
	index      *index.Store
	categories map[string]*category
	ownership  atomic.Pointer[ownership] // nil if the partitions are not shared, or Claim was not called

	subscriptions delivery.Subscriptions
	watch         *watch.Watch

	turn    chan struct{} // holds a token while a goroutine claims, or gives up for good
	claimed bool          // Claim has succeeded; only the token's holder reads and writes it

	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

var _ eventstore.Store = (*Store)(nil)

type category struct {
	topic      string
	partitions []storedPartition
}

type storedPartition struct {
	*partition.Partition
	index  *index.Partition
	reader *log.Reader
}

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
		id.Topics[topic] = index.Topic{ID: ids.Topics[topic], Partitions: g.Partitions}
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

// atOnce bounds the partitions that are claimed or read at the same time while a store opens.
const atOnce = 16

func (s *Store) addPartitions(ctx context.Context) error {
	for _, g := range s.cfg.Topics.Categories {
		topic := s.cfg.Topics.NameOf(g.Name)
		c := &category{
			topic: topic, partitions: make([]storedPartition, g.Partitions),
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

// closeGrace is the time that a closing store leaves to brokers for requests that all partitions
// share: who leads, and who coordinates. Batches in flight have connections of their own, and more
// time.
const closeGrace = 2 * time.Second

// Close closes the subscriptions, stops appending, waits for the batches in flight, hands over the
// partitions that are shared, and disconnects. It refuses commits that still wait with
// [eventstore.ErrClosed]. If brokers do not answer, Close takes a few seconds. If a batch is in
// flight, it may take the [Config].RequestTimeout longer.
//
// Close may be called more than once. If the handler of a subscription calls it, it returns nil at
// once, and the store closes when the handler has returned.
//
// Close fails with an *[IndexError] if the index could not be saved. The next start reads again
// from Kafka whatever was not saved.
func (s *Store) Close() error {
	if s.subscriptions.Within() {
		go func() { _ = s.close() }() // the next call of Close returns its error
		return nil
	}
	return s.close()
}

func (s *Store) close() error {
	s.closing.Do(func() {
		close(s.closed)
		s.watch.End()
		s.subscriptions.Close()
		defer s.client.Conns.CutAfter(closeGrace)()
		s.turn <- struct{}{} // s.closed ends a claim under way; no other claim begins
		s.giveUp()
		s.client.Disconnect()
		s.watch.Wait()
		if s.index != nil {
			s.closeErr = public(s.index.Close())
		}
	})
	return s.closeErr
}

// giveUp ends every role.
func (s *Store) giveUp() {
	shared := s.ownership.Load()
	shared.stop()
	var group sync.WaitGroup
	for _, c := range s.categories {
		for _, p := range c.partitions {
			group.Go(p.Close)
		}
	}
	group.Wait()
	shared.leave()
}

// Append implements [eventstore.Store]. A commit is part of one record batch, together with others
// that waited at the same time. If ctx ends before the commit is on its way, nothing was appended
// and the error says so. If ctx ends later, the error is [eventstore.ErrOutcomeUnknown].
//
// A check waits for the next batch of the partition. If there is none, the check takes some
// milliseconds: see DESIGN.md.
//
// Besides the errors of the interface, Append fails with
//   - *[NotOwnerError] if this process does not own the partition; it matches
//     [eventstore.ErrNotOwner], and names the owner if that is known;
//   - *[RefusedError] if brokers will never take the commit;
//   - *[IndexError] if the disk of the index has failed.
func (s *Store) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if s.cfg.Hooks.Appended == nil || len(c.Records) == 0 {
		r, err := s.append(ctx, c)
		return r, s.explained(err)
	}
	start := clock.Reading()
	r, err := s.append(ctx, c)
	err = s.explained(err)
	s.cfg.Hooks.Appended(ctx, eventstore.Appended{
		Commit: c, Result: r, Err: err, Start: start, Duration: time.Since(start),
	})
	return r, err
}

func (s *Store) append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	if err := eventstore.Check(c); err != nil {
		return eventstore.Result{}, err
	}
	stream := c.Stream()
	at := c.Expected(stream)
	t, err := s.tipOf(at)
	if err != nil {
		return eventstore.Result{}, err
	}
	p, err := s.partitionOf(ctx, stream)
	switch {
	case err != nil:
		return eventstore.Result{}, err
	case len(c.Records) == 0:
		return check(ctx, p, t, c)
	case t != nil:
		return t.Append(ctx, c.Stamped())
	}
	return p.Append(ctx, stream, at.Version, c.Stamped())
}

// check answers a commit without records.
func check(ctx context.Context, p storedPartition, t *owner.Tip, c eventstore.Commit) (eventstore.Result, error) {
	if t == nil {
		var err error
		if _, t, err = p.ReadQueued(ctx, c.Stream(), math.MaxInt64); err != nil {
			return eventstore.Result{}, err
		}
	}
	return t.Check(ctx, c)
}

// explained turns the error of an append into the one that its caller needs: a public error that
// says what to do.
func (s *Store) explained(err error) error {
	if err == nil {
		return nil
	}
	return explainRefusal(s.cfg.Connection.Security, s.ownership.Load().named(public(err)))
}

// ReadStream implements [eventstore.Store]. It reads the index and asks no broker. If another
// process owns the partition, its last appends may not have arrived here.
func (s *Store) ReadStream(
	ctx context.Context, stream eventstore.Stream, from int64,
) iter.Seq2[eventstore.Record, error] {
	if err := eventstore.CheckStream(stream); err != nil {
		return failing(err)
	}
	p, err := s.partitionOf(ctx, stream)
	if err != nil {
		return failing(err)
	}
	if err := p.Readable(); err != nil {
		return failing(public(err))
	}
	return s.under(ctx, p.index.Stream(stream.ID, from))
}

// ReadCategory implements [eventstore.Store]. It reads the topic, one partition after another. A
// partition in which there is nothing after start costs no request.
func (s *Store) ReadCategory(
	ctx context.Context, category string, start eventstore.Start,
) iter.Seq2[eventstore.Record, error] {
	c, err := s.category(ctx, category)
	if err != nil {
		return failing(err)
	}
	parts := make([]iter.Seq2[eventstore.Record, error], len(c.partitions))
	for i, p := range c.partitions {
		if err := p.Readable(); err != nil {
			return failing(public(err))
		}
		parts[i] = p.reader.Read(ctx, start)
	}
	return s.under(ctx, parts...)
}

// failing yields nothing but an error.
func failing(err error) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) { yield(eventstore.Record{}, err) }
}

// under yields all that parts yield, one part after another, until ctx ends or the store is closed.
// The error of that is then the last pair, also if there is nothing else to yield.
func (s *Store) under(
	ctx context.Context, parts ...iter.Seq2[eventstore.Record, error],
) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		if err := s.over(ctx); err != nil {
			yield(eventstore.Record{}, err)
			return
		}
		for _, part := range parts {
			for r, err := range part {
				if ended := s.over(ctx); ended != nil { // this may be the reason for err
					r, err = eventstore.Record{}, ended
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

// over returns nil, or why nobody may ask the store for anything any more.
func (s *Store) over(ctx context.Context) error {
	select {
	case <-s.closed:
		return eventstore.ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Skipped returns how many records the reader rule has left out since the store was opened. Their
// writer was not the owner of the partition. Each was logged with its position.
func (s *Store) Skipped() int64 {
	var n int64
	for _, c := range s.categories {
		for _, p := range c.partitions {
			n += p.Skipped()
		}
	}
	return n
}

func (s *Store) category(ctx context.Context, category string) (*category, error) {
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	c, ok := s.categories[category]
	if !ok {
		return nil, &eventstore.InvalidError{
			Field: "category", Found: fmt.Sprintf("%q", category), Want: "one of the store's Categories",
		}
	}
	return c, nil
}

func (s *Store) partitionOf(ctx context.Context, stream eventstore.Stream) (storedPartition, error) {
	c, err := s.category(ctx, stream.Category)
	if err != nil {
		return storedPartition{}, err
	}
	return c.partitions[wire.PartitionOf(stream.ID, len(c.partitions))], nil
}

// public turns the mechanism's errors into those of this package.
func public(err error) error {
	if err == nil {
		return nil // allocates nothing, because every append comes here
	}
	return publicOf(err)
}

func publicOf(err error) error {
	var lost *claim.LostError
	var notOwner *owner.NotOwnerError
	var corrupt *log.CorruptError
	var refused *owner.RefusedError
	var unusable *index.UnusableError
	var offset *groups.OffsetError
	switch {
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return err
	case errors.As(err, &lost):
		return &NotOwnerError{Topic: lost.Topic, Partition: lost.Partition, Err: err}
	case errors.As(err, &notOwner):
		return &NotOwnerError{Topic: notOwner.Topic, Partition: notOwner.Partition, Err: err}
	case errors.As(err, &corrupt):
		return &CorruptError{Topic: corrupt.Topic, Partition: corrupt.Partition, Offset: corrupt.Offset, Err: err}
	case errors.As(err, &refused):
		return &RefusedError{Topic: refused.Topic, Partition: refused.Partition, Err: err}
	case errors.As(err, &unusable):
		return &IndexError{Dir: unusable.Dir, Err: err}
	case errors.As(err, &offset):
		return &OffsetError{
			Group: offset.Group, Topic: offset.Topic, Partition: offset.Partition, Offset: offset.Offset,
			Begin: offset.Begin, End: offset.End, Err: err,
		}
	}
	return err
}
