package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/semaphore"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/internal/hooks"
	"github.com/fencelog/fencelog/kafka/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// Config is what an owner needs; every field must be set.
type Config struct {
	Client          sarama.Client
	Topic           string
	Partition       int32
	AggregateType   string // of all events in the topic
	TransactionalID string
	Index           *index.Partition
	Logger          *slog.Logger

	RequestTimeout  time.Duration // a broker's time to replicate a batch
	RenewEvery      time.Duration // between two renewals of the claim
	MaxBatchBytes   int           // a batch is closed once its commits, before compression, have this size
	MaxWaiting      int           // commits that may wait; further callers wait under their context
	MaxWaitingBytes int64

	Broken hooks.Broken // by the proof only
}

// maxBatchRecords bounds a batch by count; its sequence numbers and offsets must fit 32 bits with ease.
const maxBatchRecords = 10_000

// Owner is this process's claim of one partition.
type Owner struct {
	cfg     Config
	link    *link
	waiting chan *commit
	room    *semaphore.Weighted
	skipped atomic.Int64

	stop     context.CancelFunc // bounds what the owner's goroutine does
	finished chan struct{}
	once     sync.Once

	mu   sync.Mutex
	lost error // why nothing can be appended any more

	// Only the owner's goroutine touches these, and claim before it starts.
	held     *commit // taken from waiting, for the next batch
	term     wire.Term
	sequence int32
}

// Claim takes the partition from whoever has it, reads everything that counts into the index, and
// returns the owner. It tries again until ctx ends as long as brokers may still answer otherwise.
func Claim(ctx context.Context, cfg Config) (*Owner, error) {
	o := &Owner{
		cfg:      cfg,
		link:     newLink(cfg.Client, cfg.Topic, cfg.Partition),
		waiting:  make(chan *commit, cfg.MaxWaiting),
		room:     semaphore.NewWeighted(cfg.MaxWaitingBytes),
		finished: make(chan struct{}),
	}
	if err := o.claim(ctx, wire.NoTerm()); err != nil {
		o.link.drop()
		return nil, err
	}
	// The owner lives on after the call that claims: only Close ends it.
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	o.stop = stop
	go o.run(run)
	return o, nil
}

// Skipped returns how many records the reader rule has left out since the claim began.
func (o *Owner) Skipped() int64 { return o.skipped.Load() }

// Finished is closed once the owner can append no more: it was closed, or its claim is lost.
func (o *Owner) Finished() <-chan struct{} { return o.finished }

// Append is eventstore.Store's, for a stream of this partition and input that was checked.
func (o *Owner) Append(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record,
) (eventstore.Result, error) {
	c := newCommit(stream, expected, records)
	if err := o.enter(ctx, c); err != nil {
		return eventstore.Result{}, err
	}
	select {
	case o.waiting <- c:
	case <-ctx.Done():
		o.room.Release(c.size)
		return eventstore.Result{}, notAppended(ctx)
	case <-o.finished:
		o.room.Release(c.size)
		return eventstore.Result{}, o.lostReason()
	}
	select {
	case <-c.done:
		return c.result, c.err
	case <-ctx.Done():
	case <-o.finished:
	}
	return o.leave(ctx, c)
}

// enter waits until there is room for the commit.
func (o *Owner) enter(ctx context.Context, c *commit) error {
	select {
	case <-o.finished:
		return o.lostReason()
	default:
	}
	if o.room.TryAcquire(c.size) {
		return nil
	}
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // an owner that is gone makes no room
		select {
		case <-o.finished:
			cancel()
		case <-wait.Done():
		}
	}()
	switch err := o.room.Acquire(wait, c.size); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return notAppended(ctx)
	default:
		return o.lostReason()
	}
}

// leave answers a caller whose time is up, or whose owner is gone.
func (o *Owner) leave(ctx context.Context, c *commit) (eventstore.Result, error) {
	if c.state.CompareAndSwap(commitWaiting, commitWithdrawn) {
		if ctx.Err() == nil {
			return eventstore.Result{}, o.lostReason()
		}
		return eventstore.Result{}, notAppended(ctx)
	}
	select {
	case <-c.done: // also when the owner is gone: it has answered all it had taken
		return c.result, c.err
	default:
		return eventstore.Result{}, fmt.Errorf("%w: %w while the commit was under way", eventstore.ErrOutcomeUnknown, context.Cause(ctx))
	}
}

func notAppended(ctx context.Context) error {
	return fmt.Errorf("not appended, the commit was still waiting: %w", context.Cause(ctx))
}

// Close stops the owner: commits that wait are refused with eventstore.ErrClosed, the batch in flight is
// given one last try. It may be called more than once.
func (o *Owner) Close() {
	o.once.Do(func() {
		o.stop()
		<-o.finished
		o.link.drop()
	})
}

func (o *Owner) lostReason() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost == nil {
		return eventstore.ErrClosed
	}
	return o.lost
}

// lasting returns what err means for those whose commits were never taken: nothing of theirs is in doubt.
func lasting(err error) error {
	var lost *LostError
	var corrupt *CorruptError
	switch {
	case errors.As(err, &lost):
		return lost
	case errors.As(err, &corrupt):
		return corrupt
	default:
		return fmt.Errorf("not appended, the partition has stopped: %v", err) //nolint:errorlint // the doubt in err is not theirs
	}
}

func (o *Owner) lose(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost = err
}

// run is the owner's goroutine: batch after batch, one in flight, until the claim is lost or the owner closed.
func (o *Owner) run(ctx context.Context) {
	defer close(o.finished)
	if err := o.work(ctx); err != nil && ctx.Err() == nil {
		o.lose(lasting(err))
		o.cfg.Logger.Error("partition lost", "topic", o.cfg.Topic, "partition", o.cfg.Partition, "error", err)
	}
	reason := o.lostReason()
	if o.held != nil {
		o.refuse(o.held, reason)
	}
	for {
		select {
		case c := <-o.waiting:
			o.refuse(c, reason)
		default:
			return
		}
	}
}

func (o *Owner) work(ctx context.Context) error {
	due, end := clock.Every(o.cfg.RenewEvery)
	defer end()
	for ctx.Err() == nil {
		commits, renew := o.gather(ctx, due)
		var err error
		switch {
		case renew:
			err = o.renew(ctx)
		case len(commits) > 0:
			err = o.process(ctx, commits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Owner) refuse(c *commit, err error) {
	if c.state.CompareAndSwap(commitWaiting, commitTaken) || c == o.held {
		o.answer(c, eventstore.Result{}, err)
		return
	}
	o.room.Release(c.size)
}

// gather waits for a commit and takes with it all that wait already, up to the bounds of a batch.
// There is no linger: a batch gathers while the one before it is in flight. Or it returns because the claim is
// due to be renewed.
func (o *Owner) gather(ctx context.Context, due <-chan time.Time) (commits []*commit, renew bool) {
	bytes, records := 0, 0
	take := func(c *commit) bool {
		if c.state.Load() != commitTaken && !c.state.CompareAndSwap(commitWaiting, commitTaken) {
			o.room.Release(c.size)
			return true
		}
		if len(commits) > 0 && (bytes+int(c.size) > o.cfg.MaxBatchBytes || records+len(c.records) > maxBatchRecords) {
			o.held = c
			return false
		}
		commits = append(commits, c)
		bytes, records = bytes+int(c.size), records+len(c.records)
		return true
	}
	if c := o.held; c != nil {
		o.held = nil
		take(c)
	}
	for ctx.Err() == nil {
		if len(commits) == 0 {
			select {
			case c := <-o.waiting:
				take(c)
			case <-due:
				return nil, true
			case <-ctx.Done():
			}
			continue
		}
		select {
		case c := <-o.waiting:
			if !take(c) {
				return commits, false
			}
		default:
			return commits, false
		}
	}
	for _, c := range commits {
		o.answer(c, eventstore.Result{}, eventstore.ErrClosed)
	}
	return nil, false
}

func (o *Owner) answer(c *commit, r eventstore.Result, err error) {
	c.result, c.err = r, err
	c.state.Store(commitAnswered)
	close(c.done)
	o.room.Release(c.size)
}

// commit is one call of Append on its way.
type commit struct {
	stream   eventstore.Stream
	expected eventstore.Expected
	records  []eventstore.Record
	size     int64
	state    atomic.Int32
	done     chan struct{} // closed once result and err are set
	result   eventstore.Result
	err      error
}

const (
	commitWaiting   int32 = iota
	commitWithdrawn       // its caller has left before it was taken
	commitTaken           // the owner works on it: its outcome is the owner's to tell
	commitAnswered
)

// newCommit copies what the caller may change after leaving.
func newCommit(stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record) *commit {
	c := &commit{stream: stream, expected: expected, records: slices.Clone(records), done: make(chan struct{})}
	for i := range c.records {
		r := &c.records[i]
		r.Value = slices.Clone(r.Value)
		r.Metadata = maps.Clone(r.Metadata)
		r.Timestamp = r.Timestamp.UTC().Round(0)
		c.size += int64(eventstore.Size(*r))
	}
	return c
}

func (c *commit) commandID() string { return c.records[0].CommandID }

// place gives the records their versions, from first on.
func (c *commit) place(first int64) {
	for i := range c.records {
		r := &c.records[i]
		r.AggregateType, r.AggregateID = c.stream.Type, c.stream.ID
		r.AggregateVersion = first + int64(i)
		r.Commit = eventstore.Commit{First: first, Length: len(c.records)}
	}
}

// resultIn returns the commit's result if the index holds it, by the id of its first event.
func (c *commit) resultIn(idx *index.Partition) (r eventstore.Result, found bool, err error) {
	first := &c.records[0]
	if first.AggregateVersion == 0 {
		return r, false, nil // never placed, so never sent
	}
	stored, ok, err := idx.At(c.stream.ID, first.AggregateVersion)
	if err != nil || !ok || stored.ID != first.ID {
		return r, false, err
	}
	n := int64(len(c.records))
	last := stored.Position
	last.Offset += n - 1 // a commit is in one batch
	return eventstore.Result{First: first.AggregateVersion, Last: first.AggregateVersion + n - 1, Position: last}, true, nil
}

var errGaveUp = errors.New("the claim had to be renewed again and again")
