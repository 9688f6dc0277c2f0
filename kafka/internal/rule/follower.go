package rule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/internal/dial"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/recordbatch"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// Config is what a follower needs. Every field but Skipped, Read and Broken must be set.
type Config struct {
	Client     sarama.Client
	Topic      string
	Partition  int32
	Partitions int32  // of the topic, as configured; the number decides where a stream belongs
	Category   string // of all events in the topic
	Key        eventstore.PartitionKey
	Index      *index.Partition
	Logger     *slog.Logger

	Skipped func(offset int64, records int) // is told which records do not count
	Read    func(next, end int64)           // is told after each fetch how far the index is, and where the log ends
	Broken  broken.Rules                    // by the proof only
}

// Watcher is told what the log says of the partition's owners. It decides nothing about what
// counts. The follower calls it on the goroutine that uses the follower.
type Watcher interface {
	// Marked is called for each marker that begins its term or has the current term.
	Marked(term index.Term, aborts bool)
	// Counted is called with the number of records that count, before they are applied.
	Counted(records int)
}

// Follower keeps the index of one partition up to date with the log. It reads on, and applies the
// records that count by the reader rule. One goroutine at a time uses it: the one that follows the
// partition, or the owner's. Skipped, High and Refusal may be called by any number of goroutines.
type Follower struct {
	cfg      Config
	watcher  Watcher
	before   func([]eventstore.Record) // see Before
	link     *link
	wait     time.Duration // of a fetch for the first batch
	skipped  atomic.Int64
	high     atomic.Int64 // the end of the partition, as a broker told last
	progress progress
	skips    skips
	marker   Marker                // the last one that was read, also if it changed nothing
	garbled  int                   // fetches in a row whose bytes were no batches
	last     markers               // of the current term, or of an earlier one
	refused  atomic.Pointer[error] // why a broker refuses the reading now; nil once one has accepted it
}

// New returns a follower that has read nothing yet beyond the index's checkpoint.
func New(cfg Config, w Watcher) *Follower {
	f := &Follower{
		cfg: cfg, watcher: w, wait: log.Soon, link: newLink(cfg.Client, cfg.Topic, cfg.Partition),
		progress: newProgress(&cfg), skips: newSkips(&cfg),
		marker: noMarker(), last: markers{commit: noMarker(), abort: noMarker()},
	}
	f.link.verify = f.verify
	return f
}

// Before sets what is called with records that count, before the index holds them; nil for nothing.
func (f *Follower) Before(call func([]eventstore.Record)) { f.before = call }

// Follow reads the partition from the index's checkpoint on, and applies the records that count. It
// returns once done accepts the checkpoint. It never guesses the end of the partition: done says
// what must have been read.
func (f *Follower) Follow(ctx context.Context, done func(index.Checkpoint) bool) error {
	defer f.link.conns.CutWhenDone(ctx)()
	defer f.skips.tell(true)
	f.progress.begin()
	var pause retry.Backoff
	for {
		at := f.cfg.Index.Checkpoint()
		if done(at) {
			return nil
		}
		fetched, err := f.fetchAndApply(at.Next, done)
		if fetched {
			if err != nil {
				return err
			}
			pause = retry.Backoff{}
			continue
		}
		if log.Final(err) {
			return err
		}
		f.link.suspected = f.link.suspected || errors.Is(err, sarama.ErrOffsetOutOfRange) // see verify
		if stopped := f.tryAgain(ctx, &pause, err); stopped != nil {
			return fmt.Errorf("%w; the last attempt to read offset %d: %w", stopped, at.Next, err)
		}
	}
}

// FollowToEnd reads up to the end that the partition's leader has now.
func (f *Follower) FollowToEnd(ctx context.Context) error {
	defer f.link.conns.CutWhenDone(ctx)()
	var pause retry.Backoff
	for {
		end, err := f.end()
		if err == nil {
			return f.Follow(ctx, func(c index.Checkpoint) bool { return c.Next >= end })
		}
		if log.Final(err) {
			return err
		}
		if stopped := f.tryAgain(ctx, &pause, err); stopped != nil {
			return fmt.Errorf("%w; the last attempt to find the end: %w", stopped, err)
		}
	}
}

// tryAgain gets ready for another attempt after one that failed, unless ctx ends.
func (f *Follower) tryAgain(ctx context.Context, pause *retry.Backoff, err error) error {
	if ctx.Err() != nil { // the end of ctx made it fail, and the leader may be the right one
		f.link.drop()
		return context.Cause(ctx)
	}
	if pause.Tells() {
		f.cfg.Logger.Warn("the partition's leader does not answer, and is asked again",
			"topic", f.cfg.Topic, "partition", f.cfg.Partition,
			"for", pause.Lasts().Round(time.Millisecond), "error", err)
	}
	f.link.reset()
	return pause.Wait(ctx)
}

// end returns the high watermark: the offset after the last record that is replicated.
func (f *Follower) end() (int64, error) {
	b, err := f.link.leader()
	if err != nil {
		return 0, err
	}
	end, err := log.OffsetAt(b.Broker, f.cfg.Topic, f.cfg.Partition, sarama.OffsetNewest)
	if err == nil {
		f.high.Store(end)
	}
	return end, err
}

// EndNow asks the leader once where the partition ends.
func (f *Follower) EndNow(ctx context.Context) (int64, error) {
	defer f.link.conns.CutWhenDone(ctx)()
	end, err := f.end()
	if err != nil && ctx.Err() == nil {
		f.cfg.Logger.Debug("the end of the partition is not known", "topic", f.cfg.Topic, "partition", f.cfg.Partition,
			"error", err)
		f.link.reset()
	}
	return end, err
}

// fetchAndApply fetches some batches and applies the records that count. It reports whether it has
// fetched them. If it has not, another attempt may succeed. If it has, an error is final.
func (f *Follower) fetchAndApply(offset int64, done func(index.Checkpoint) bool) (fetched bool, err error) {
	m := memories.Get().(*memory)
	defer m.release()
	block, err := f.fetch(offset, m)
	if err != nil {
		return false, err
	}
	var malformed *recordbatch.MalformedError
	if err := f.applyAll(block, &m.decoder, offset, done); err != nil || !errors.As(block.Malformed, &malformed) {
		f.garbled = 0
		return true, err
	}
	return false, f.garble(malformed, f.cfg.Index.Checkpoint().Next)
}

// garble counts a fetch whose bytes, from the offset on, are no batches. It returns the error. Once
// there were enough such fetches, the error is final.
func (f *Follower) garble(malformed *recordbatch.MalformedError, from int64) error {
	if f.garbled++; f.garbled < log.GarbledFetches {
		return malformed
	}
	return f.Corrupt(max(malformed.Offset, from), fmt.Sprintf(
		"no record batch, asked for %d times: %v: %s; the broker's disk may be damaged; "+
			"make another replica the leader, or restore the topic",
		f.garbled, malformed.Err, malformed.Found))
}

// memory is where a follower reads batches into. Once they are applied, the memory is free again,
// as the index keeps none of it.
type memory struct {
	room    []byte
	decoder recordbatch.Decoder
}

// memories are shared by all followers, as most of them read little most of the time.
//
//nolint:gochecknoglobals // pools are shared
var memories = sync.Pool{New: func() any { return new(memory) }}

func (m *memory) release() {
	m.decoder.Reset()
	memories.Put(m)
}

func (f *Follower) fetch(offset int64, m *memory) (*log.Fetched, error) {
	b, err := f.link.leader()
	if err != nil {
		return nil, err
	}
	block, err := log.Fetch(b, log.Request{
		Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Epoch: log.AnyLeaderEpoch,
		MaxBytes: log.FetchBytes, Wait: f.wait,
	}, m.room)
	if err == nil {
		m.room = block.Room
		f.high.Store(block.HighWatermark)
		f.refused.Store(nil)
	}
	return block, err
}

// Apply changes the index. It does so in the wrong order if the proof breaks that rule.
func (f *Follower) Apply(c index.Change) error {
	if f.cfg.Broken.CheckpointBeforeData {
		return f.cfg.Index.ApplyCheckpointFirst(c)
	}
	return f.cfg.Index.Apply(c)
}

// Marker returns the marker that was read last, also if it changed nothing.
func (f *Follower) Marker() Marker { return f.marker }

// LastMarker returns the last marker that was told to the watcher and ends its transaction by an
// abort, or by a commit, as aborts says.
func (f *Follower) LastMarker(aborts bool) Marker {
	if aborts {
		return f.last.abort
	}
	return f.last.commit
}

// Skipped returns how many records the reader rule has left out.
func (f *Follower) Skipped() int64 { return f.skipped.Load() }

// High returns the end of the partition, as a broker told last.
func (f *Follower) High() int64 { return f.high.Load() }

// Refusal returns why a broker refuses the reading, or nil once one has accepted it.
func (f *Follower) Refusal() error {
	if refused := f.refused.Load(); refused != nil {
		return *refused
	}
	return nil
}

// Refuse notes why a broker refuses the reading.
func (f *Follower) Refuse(err error) { f.refused.Store(&err) }

// WaitFor makes fetches wait up to d for the first batch, until restore is called.
func (f *Follower) WaitFor(d time.Duration) (restore func()) {
	before := f.wait
	f.wait = d
	return func() { f.wait = before }
}

// Leader returns the connection to the partition's leader, and opens it if there is none. A new
// connection has been compared with the index: see verify.
func (f *Follower) Leader() (*dial.Broker, error) { return f.link.leader() }

// CutWhenDone cuts the connection when ctx ends, until stop is called.
func (f *Follower) CutWhenDone(ctx context.Context) (stop func()) {
	return f.link.conns.CutWhenDone(ctx)
}

// Reset drops the connection and asks for the leader anew.
func (f *Follower) Reset() { f.link.reset() }

// Drop drops the connection.
func (f *Follower) Drop() { f.link.drop() }

// Suspect makes the next connection check that the log still reaches the index's checkpoint.
func (f *Follower) Suspect() { f.link.suspected = true }

// Corrupt returns a *[log.CorruptError] for an offset.
func (f *Follower) Corrupt(offset int64, found string) error {
	return &log.CorruptError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Offset: offset, Found: found}
}
