package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
	"github.com/fencelog/fencelog/kafka/internal/broken"
	"github.com/fencelog/fencelog/kafka/internal/log"
)

// Config is what an owner needs; every field but Observer must be set.
type Config struct {
	Client          sarama.Client
	Topic           string
	Partition       int32
	Partitions      int32  // of the topic, as configured: they say where a stream belongs
	Category        string // of all events in the topic
	TransactionalID string
	Index           *index.Partition
	Logger          *slog.Logger

	Codec           sarama.CompressionCodec // of the batches that are written
	RequestTimeout  time.Duration           // a broker's time to replicate a batch
	RenewEvery      time.Duration           // between two renewals of the claim
	MaxBatchBytes   int                     // a batch is closed once its commits, before compression, have this size
	MaxWaiting      int                     // commits that may wait; further callers wait under their context
	MaxWaitingBytes int64

	Observer Observer
	Broken   broken.Rules // by the proof only

	// Keep makes the owner claim the partition again when it has lost its claim: soon if no other process has claimed, and otherwise when the log
	// has shown nothing of the other for Quiet. Without it whoever called Own does that.
	Keep  bool
	Quiet time.Duration
}

// maxBatchRecords bounds a batch by count; its sequence numbers and offsets must fit 32 bits with ease.
const maxBatchRecords = 10_000

// Owner is this process's claim of one partition.
type Owner struct {
	*follower
	queue       *line.Queue
	coordinator *coordinator // of the owner's goroutine, or of a renewal's or barrier's while there is one
	proofs      proofs

	stop     context.CancelFunc // bounds what the owner's goroutine does
	finished chan struct{}
	once     sync.Once
	reason   error // why it was stopped; set before stop
	failure  error // why it ended by itself; set before finished is closed

	// Only the owner's goroutine touches these, and claim before it starts.
	term     index.Term
	sequence int32
	doubt    bool // the coordinator may have stored a renewal of term and not said so
	wrote    bool // a batch since the last look
	batch    batch
	linger   linger
	barrier  barrier

	asking     chan answer // has the coordinator's answer to what is under way; nil without any
	stopAsking context.CancelFunc
}

// claim takes the partition from whoever has it, reads everything that counts into the index, and
// returns the owner. It tries again until ctx ends as long as brokers may still answer otherwise.
func claim(ctx context.Context, f *follower) (*Owner, error) {
	return begin(ctx, f, func(o *Owner) error { return o.seize(ctx) })
}

// newQueue returns the line of those who wait for the owner.
func newQueue(cfg *Config) *line.Queue {
	return line.NewQueue(line.Config{
		MaxCommits: cfg.MaxWaiting, MaxBytes: cfg.MaxWaitingBytes, Version: cfg.Index.Version, KeepBroken: cfg.Broken.KeepDecisions,
	})
}

func begin(ctx context.Context, f *follower, claim func(*Owner) error) (*Owner, error) {
	o := &Owner{
		follower:    f,
		queue:       newQueue(&f.cfg),
		coordinator: newCoordinator(&f.cfg),
		finished:    make(chan struct{}),
	}
	claimed := o.cfg.Observer.claiming()
	if err := claim(o); err != nil {
		o.coordinator.drop()
		o.link.drop()
		return nil, err
	}
	claimed()
	// The owner lives on after the call that claims: only end does.
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	o.stop = stop
	go o.run(run)
	return o, nil
}

// Finished is closed once the owner can append no more: it was closed, or its claim is lost.
func (o *Owner) Finished() <-chan struct{} { return o.finished }

// over reports whether Finished is closed.
func (o *Owner) over() bool {
	select {
	case <-o.finished:
		return true
	default:
		return false
	}
}

// Append is eventstore.Store's, for a stream of this partition and input that was checked.
func (o *Owner) Append(
	ctx context.Context, stream eventstore.Stream, expected eventstore.Expected, records []eventstore.Record,
) (eventstore.Result, error) {
	return o.submit(ctx, line.New(stream, expected, records))
}

// submit queues the commit and waits for its answer, or until ctx ends.
func (o *Owner) submit(ctx context.Context, c *line.Commit) (eventstore.Result, error) {
	if err := o.queue.Enter(ctx, c); err != nil {
		return eventstore.Result{}, err
	}
	return o.queue.Await(ctx, c)
}

// end stops the owner: commits that wait are refused with the reason, unless the claim was lost before; the batch in
// flight is given one last try. It may be called more than once.
func (o *Owner) end(reason error) {
	o.once.Do(func() {
		o.reason = reason
		o.stop()
		<-o.finished
		o.link.drop()
	})
}

// lasting returns what err means for those whose commits were never taken: nothing of theirs is in doubt.
func (o *Owner) lasting(err error) error {
	var lost *LostError
	var corrupt *log.CorruptError
	switch {
	case errors.As(err, &lost):
		return lost
	case errors.As(err, &corrupt):
		return corrupt
	case o.cfg.Index.Err() != nil:
		return o.cfg.Index.Err()
	default:
		return o.notOwner(fmt.Errorf("the claim has ended: %v", err)) //nolint:errorlint // the doubt in err is not theirs
	}
}

// run is the owner's goroutine: batch after batch, one in flight, until the claim is lost or the owner closed.
func (o *Owner) run(ctx context.Context) {
	defer close(o.finished)
	defer o.endRenewal() // which may take a moment: callers are answered first
	if err := o.work(ctx); err != nil && ctx.Err() == nil {
		o.cfg.Observer.lost(err)
		o.cfg.Logger.Error("partition lost", "topic", o.cfg.Topic, "partition", o.cfg.Partition, "error", err)
		o.failure = err
		o.stopAll(o.lasting(err))
		return
	}
	o.stopAll(o.reason)
}

// stopAll refuses what waits, and whatever comes.
func (o *Owner) stopAll(because error) {
	o.queue.Stop(because)
	o.proofs.end(because)
}

func (o *Owner) work(ctx context.Context) error {
	due, end := clock.Every(o.cfg.RenewEvery)
	defer end()
	idle, stop := clock.Every(lookEvery)
	defer stop()
	for ctx.Err() == nil {
		commits, task := o.gather(ctx, due, idle)
		var err error
		switch {
		case task != nil:
			err = task(ctx)
		case len(commits) > 0:
			err = o.process(ctx, commits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gather waits for a commit and takes with it all that wait already, up to the bounds of a batch.
// A batch gathers while the one before it is in flight. Or it returns because there is something else to do.
func (o *Owner) gather(ctx context.Context, due, idle <-chan time.Time) (commits []*line.Commit, task func(context.Context) error) {
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case <-due:
			return nil, o.renew
		case a := <-o.asking:
			return nil, func(ctx context.Context) error { return o.asked(ctx, a) }
		default:
		}
		if o.asking == nil && o.coordinator.late == o.term { // under the next term the late copy is refused
			o.coordinator.late = index.NoTerm()
			return nil, o.renew
		}
		o.lingerFor(ctx)
		if commits := o.queue.Take(o.cfg.MaxBatchBytes, maxBatchRecords); len(commits) > 0 {
			return commits, nil
		}
		if o.asking == nil && o.proofs.wanted() {
			return nil, o.bar
		}
		select {
		case <-o.queue.Wake():
		case <-due:
			return nil, o.renew
		case a := <-o.asking:
			return nil, func(ctx context.Context) error { return o.asked(ctx, a) }
		case <-idle:
			return nil, o.look
		case <-ctx.Done():
		}
	}
}

var errGaveUp = errors.New("not appended: the claim had to be renewed again and again, and the commit was refused each time")
