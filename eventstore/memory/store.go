package memory

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/wake"
)

const (
	// DefaultPartitions is more than one, so that code which relies on an order across partitions
	// fails here and not only on Kafka.
	DefaultPartitions = 4
	// MaxPartitions bounds what a category allocates with its first record.
	MaxPartitions = 10_000
)

// Config configures a [Store]; every field may be left zero.
type Config struct {
	// Partitions is how many partitions each category has, 1 to [MaxPartitions].
	// Default: [DefaultPartitions].
	Partitions int

	// OnAppend is told of every append. Default: none.
	OnAppend eventstore.OnAppend
}

// Store is an [eventstore.Store] in memory. Its methods may be called by any number of goroutines.
type Store struct {
	partitions int
	onAppend   eventstore.OnAppend

	// mu guards the fields below it. Append holds it for reading, so that Close waits for the
	// appends under way; a category and what is in it is guarded by the mutexes of its partitions.
	mu         sync.RWMutex
	closed     bool
	categories map[string][]*partition
}

var _ eventstore.Store = (*Store)(nil)

// New returns an empty store. It fails if cfg is out of bounds.
func New(cfg Config) (*Store, error) {
	if cfg.Partitions == 0 {
		cfg.Partitions = DefaultPartitions
	}
	if cfg.Partitions < 1 || cfg.Partitions > MaxPartitions {
		return nil, fmt.Errorf("memory store: Partitions is %d, expected 1 to %d, or 0 for the default of %d",
			cfg.Partitions, MaxPartitions, DefaultPartitions)
	}
	return &Store{partitions: cfg.Partitions, onAppend: cfg.OnAppend, categories: make(map[string][]*partition)}, nil
}

// Append adds records to the end of stream, as [eventstore.Store] says.
// It never answers with [eventstore.ErrNotOwner] or [eventstore.ErrOutcomeUnknown].
func (s *Store) Append(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records ...eventstore.Record,
) (eventstore.Result, error) {
	if s.onAppend == nil {
		return s.appended(ctx, stream, expected, records)
	}
	start := clock.Reading()
	result, err := s.appended(ctx, stream, expected, records)
	s.onAppend(ctx, eventstore.Appended{
		Stream: stream, Records: len(records), Result: result, Err: err, Start: start, Duration: time.Since(start),
	})
	return result, err
}

// appended says in its error what was to be appended to.
func (s *Store) appended(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record,
) (eventstore.Result, error) {
	result, err := s.append(ctx, stream, expected, records)
	if err != nil && !errors.Is(err, eventstore.ErrConflict) { // a conflict names the stream itself
		err = fmt.Errorf("append to %s: %w", stream, err)
	}
	return result, err
}

func (s *Store) append(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record,
) (eventstore.Result, error) {
	if err := eventstore.Check(stream, expected, records); err != nil {
		return eventstore.Result{}, err
	}
	s.create(stream.Type)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return eventstore.Result{}, eventstore.ErrClosed
	}
	if ctx.Err() != nil {
		return eventstore.Result{}, context.Cause(ctx)
	}
	p := s.categories[stream.Type][s.partitionOf(stream.ID)]
	defer p.moved.Ring()
	return p.append(stream, expected, records)
}

// create makes the partitions of a category, unless they exist or the store is closed.
func (s *Store) create(aggregateType string) {
	s.mu.RLock()
	done := s.closed || s.categories[aggregateType] != nil
	s.mu.RUnlock()
	if done {
		return
	}
	partitions, moved := make([]*partition, s.partitions), new(wake.Bell)
	for i := range partitions {
		partitions[i] = &partition{number: int32(i), moved: moved, streams: make(map[string]*stream)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.categories[aggregateType] == nil {
		s.categories[aggregateType] = partitions
	}
}

// category returns the partitions of a category; none if nothing was appended to it yet.
func (s *Store) category(ctx context.Context, aggregateType string) ([]*partition, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, eventstore.ErrClosed
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return s.categories[aggregateType], nil
}

func (s *Store) partitionOf(aggregateID string) int {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(aggregateID)) // a hash never fails to write
	return int(hash.Sum64() % uint64(s.partitions))
}

// Close forgets everything. It waits for the appends under way; every call
// after it fails with [eventstore.ErrClosed], and so does every Follow. It always returns nil, and may be called again.
// Iterators of ReadStream and ReadCategory that were obtained earlier stay usable.
func (s *Store) Close() error {
	s.mu.Lock()
	categories := s.categories
	s.closed = true
	s.categories = nil
	s.mu.Unlock()
	for _, partitions := range categories {
		partitions[0].moved.Ring()
	}
	return nil
}
