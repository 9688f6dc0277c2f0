package memory

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/delivery"
	"github.com/fencelog/fencelog/internal/wake"
)

const (
	// DefaultPartitions is more than one, so that code which relies on an order across partitions
	// fails here and not only on Kafka.
	DefaultPartitions = 4
	// MaxPartitions bounds what a category allocates with its first record.
	MaxPartitions = 10_000
)

// Config configures a [Store]; every field but Categories may be left zero.
type Config struct {
	// Categories are the categories that the store holds; on Kafka each of them is a topic. The
	// store refuses any other category with an *[eventstore.InvalidError]. Required: one or more.
	Categories []string

	// PartitionKeys are the partition keys of categories. Default: eventstore.WholeID for each.
	PartitionKeys map[string]eventstore.PartitionKey

	// Partitions is how many partitions each category has, 1 to [MaxPartitions].
	// Default: [DefaultPartitions].
	Partitions int

	// Seed decides where offsets have gaps. The same seed and the same appends give the same gaps.
	// Default: 0.
	Seed uint64

	// Now is the clock that no event is later than. It may be called concurrently. Default: the
	// system's clock, UTC.
	Now func() time.Time

	// OnAppend is called with every append. Default: none.
	OnAppend eventstore.OnAppend

	// Logger is told what subscriptions wait for. Default: slog.Default().
	Logger *slog.Logger
}

// Store is an [eventstore.Store] in memory. Any number of goroutines may call its methods.
type Store struct {
	partitions int
	keys       map[string]eventstore.PartitionKey
	onAppend   eventstore.OnAppend
	categories map[string][]*partition // what is in one is guarded by the mutexes of its partitions

	closed atomic.Bool
	mu     sync.RWMutex // Append holds it for reading, so that Close waits for the appends under way

	logger        *slog.Logger
	letters       letterLog
	subscriptions delivery.Subscriptions
	groupsMu      sync.Mutex
	groups        map[groupName]*group
}

var _ eventstore.Store = (*Store)(nil)

// New returns an empty store. It reports all mistakes of cfg at once.
func New(cfg Config) (*Store, error) {
	if cfg.Partitions == 0 {
		cfg.Partitions = DefaultPartitions
	}
	if cfg.Now == nil {
		cfg.Now = clock.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	var mistakes []error
	if len(cfg.Categories) == 0 {
		mistakes = append(mistakes, errors.New("no Categories, expected the categories that the store holds"))
	}
	if cfg.Partitions < 1 || cfg.Partitions > MaxPartitions {
		mistakes = append(mistakes,
			fmt.Errorf("number of Partitions is %d, expected 1 to %d, or 0 for the default of %d",
				cfg.Partitions, MaxPartitions, DefaultPartitions))
	}
	s := &Store{
		partitions: cfg.Partitions, keys: maps.Clone(cfg.PartitionKeys), onAppend: cfg.OnAppend,
		categories: make(map[string][]*partition), logger: cfg.Logger, groups: make(map[groupName]*group),
	}
	s.letters.event = s.eventOf
	for _, name := range cfg.Categories {
		if _, twice := s.categories[name]; twice {
			mistakes = append(mistakes, fmt.Errorf("category %q is given twice", name))
		}
		mistakes = append(mistakes, eventstore.CheckCategory(name))
		s.categories[name] = nil
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.PartitionKeys)) {
		if _, ok := s.categories[name]; !ok {
			mistakes = append(mistakes,
				fmt.Errorf("PartitionKeys names category %q, expected one of the Categories", name))
		}
		if key := cfg.PartitionKeys[name]; !key.Known() {
			mistakes = append(mistakes,
				fmt.Errorf("PartitionKeys: %s: found %s, expected one of eventstore's", name, key))
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("memory store: %w", err)
	}
	for name := range s.categories {
		moved := new(wake.Bell)
		for i := range cfg.Partitions {
			s.categories[name] = append(s.categories[name], newPartition(int32(i), s.keys[name], moved, cfg))
		}
	}
	return s, nil
}

// Append stores a commit, as [eventstore.Store] says.
// It never answers with [eventstore.ErrNotOwner] or [eventstore.ErrOutcomeUnknown].
func (s *Store) Append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	start := clock.Reading()
	result, err := s.appended(ctx, c)
	s.tell(ctx, start, c, result, err)
	return result, err
}

// AppendEach implements [eventstore.Store]. Other callers may append between two commits.
func (s *Store) AppendEach(ctx context.Context, commits []eventstore.Commit) []eventstore.Answer {
	if len(commits) == 0 {
		return nil
	}
	answers := make([]eventstore.Answer, len(commits))
	start := clock.Reading()
	for i, c := range commits {
		a := &answers[i]
		if a.Err = eventstore.RefuseCheck(c); a.Err == nil {
			a.Result, a.Err = s.appended(ctx, c)
		}
		s.tell(ctx, start, c, a.Result, a.Err)
	}
	return answers
}

// tell tells what one commit did. There is nothing to tell of a check.
func (s *Store) tell(ctx context.Context, start time.Time, c eventstore.Commit, r eventstore.Result, err error) {
	if s.onAppend != nil && len(c.Records) > 0 {
		s.onAppend(ctx, eventstore.Appended{Commit: c, Result: r, Err: err, Start: start, Duration: time.Since(start)})
	}
}

// appended names in its error the stream that was to be appended to.
func (s *Store) appended(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	result, err := s.append(ctx, c)
	if err != nil && !errors.Is(err, eventstore.ErrConflict) { // a conflict names the stream itself
		err = fmt.Errorf("append to %s: %w", c.Stream(), err)
	}
	return result, err
}

func (s *Store) append(ctx context.Context, c eventstore.Commit) (eventstore.Result, error) {
	stream := c.Stream()
	if err := s.check(c); err != nil {
		return eventstore.Result{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, err := s.partition(ctx, stream)
	if err != nil {
		return eventstore.Result{}, err
	}
	tips, err := s.tips(c.Expect)
	if err != nil {
		return eventstore.Result{}, err
	}
	if len(c.Records) > 0 {
		defer p.moved.Ring()
	}
	return p.append(c, readTogether(tips))
}

// Applied implements [eventstore.Store].
func (s *Store) Applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with ...eventstore.Expectation,
) (bool, error) {
	applied, err := s.applied(ctx, stream, commandID, with)
	if err != nil && !errors.Is(err, eventstore.ErrConflict) { // a conflict names the stream itself
		err = fmt.Errorf("read %s: %w", stream, err)
	}
	return applied, err
}

func (s *Store) applied(
	ctx context.Context, stream eventstore.Stream, commandID string, with []eventstore.Expectation,
) (bool, error) {
	if err := eventstore.CheckCommandID(commandID); err != nil {
		return false, err
	}
	p, err := s.streamsPartition(ctx, stream)
	if err != nil {
		return false, err
	}
	if _, err := s.tipsWith(stream, with); err != nil {
		return false, err
	}
	return p.applied(stream.ID, commandID, with)
}

// check returns what is wrong with a commit.
func (s *Store) check(c eventstore.Commit) error {
	name := c.Stream().Category
	if _, held := s.categories[name]; !held && eventstore.CheckCategory(name) == nil { // it has no partition key
		return unknown(name)
	}
	return eventstore.Check(c, s.keys[name])
}

// streamsPartition returns the partition of a stream whose name nobody has checked yet.
func (s *Store) streamsPartition(ctx context.Context, stream eventstore.Stream) (*partition, error) {
	if err := eventstore.CheckStream(stream, s.keys[stream.Category]); err != nil {
		return nil, err
	}
	return s.partition(ctx, stream)
}

// partition returns the partition of a stream.
func (s *Store) partition(ctx context.Context, stream eventstore.Stream) (*partition, error) {
	partitions, err := s.category(ctx, stream.Category)
	if err != nil {
		return nil, err
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(s.keys[stream.Category].Of(stream.ID))) // a hash never fails to write
	return partitions[hash.Sum64()%uint64(s.partitions)], nil
}

// category returns the partitions of a category.
func (s *Store) category(ctx context.Context, category string) ([]*partition, error) {
	if err := s.over(ctx); err != nil {
		return nil, err
	}
	partitions, ok := s.categories[category]
	if !ok {
		return nil, unknown(category)
	}
	return partitions, nil
}

// unknown is the error of a category that the store does not hold.
func unknown(category string) error {
	return &eventstore.InvalidError{
		Field: "category", Found: strconv.QuoteToASCII(category), Want: "one of the store's Categories",
	}
}

// over returns the reason why the store answers no more, or nil.
func (s *Store) over(ctx context.Context) error {
	if s.closed.Load() {
		return eventstore.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Close closes the subscriptions, and waits for the appends under way. Every later call fails with
// [eventstore.ErrClosed]. An iterator that is ranged over later fails with it, too, even if it was
// obtained before. Close always returns nil, and may be called again. Where the handler of a
// subscription calls it, it returns at once, and the store closes when the handler has returned.
func (s *Store) Close() error {
	if s.subscriptions.Within() {
		go s.close()
		return nil
	}
	s.close()
	return nil
}

func (s *Store) close() {
	s.subscriptions.Close()
	s.mu.Lock()
	s.closed.Store(true)
	s.mu.Unlock()
	for _, partitions := range s.categories {
		partitions[0].moved.Ring()
	}
}
