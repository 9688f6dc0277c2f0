package owner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/internal/line"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/rule"
)

// Config is what an owner needs beside its claim. Every field but Observer must be set.
type Config struct {
	claim.Config

	Codec           sarama.CompressionCodec // of the batches that are written
	RenewEvery      time.Duration           // between two renewals of the claim
	MaxBatchBytes   int                     // a batch is closed once its commits, before compression, have this size
	MaxWaiting      int                     // commits that may wait; further callers wait under their context
	MaxWaitingBytes int64

	Observer Observer
}

// maxBatchRecords bounds the records of a batch. Its sequence numbers and offsets must easily fit
// 32 bits.
const maxBatchRecords = 10_000

// Owner holds this process's claim of one partition, and is the partition's only writer. Its
// methods may be called by any number of goroutines. One goroutine, the owner's, does all the
// writing.
type Owner struct {
	cfg      Config
	follower *rule.Follower // used by the owner's goroutine
	record   *claim.Record  // and this too
	queue    *line.Queue
	claim    *claim.Claim // of the owner's goroutine, or of a renewal or a barrier while there is one
	proofs   proofs

	stop     context.CancelFunc // bounds what the owner's goroutine does
	finished chan struct{}
	once     sync.Once
	reason   error // why it was stopped; set before stop
	failure  error // why it ended by itself; set before finished is closed

	// Only the owner's goroutine touches these, and New before it starts.
	term     index.Term
	sequence int32
	wrote    bool // a batch since the last look
	linger   linger
	barrier  barrier

	asking     chan answer // gets the answer of the step under way; nil if there is none
	stopAsking context.CancelFunc
}

// newQueue returns the queue of the commits that wait for the owner.
func newQueue(cfg *Config) *line.Queue {
	return line.NewQueue(line.Config{
		MaxCommits: cfg.MaxWaiting, MaxBytes: cfg.MaxWaitingBytes,
		Key: cfg.Key, Version: cfg.Index.Version, KeepBroken: cfg.Broken.KeepDecisions,
	})
}

// How claims a partition, and returns the term of the claim.
type How func(context.Context, *claim.Claim) (index.Term, error)

// New claims the partition and returns its owner. The owner lives on after ctx ends, until End or
// the loss of its claim. The record is the follower's watcher. The caller leaves both to the owner
// until Finished is closed.
func New(ctx context.Context, cfg Config, f *rule.Follower, r *claim.Record, how How) (*Owner, error) {
	o := &Owner{
		cfg:      cfg,
		follower: f,
		record:   r,
		queue:    newQueue(&cfg),
		claim:    claim.New(cfg.Config, f, r),
		finished: make(chan struct{}),
	}
	claimed := o.cfg.Observer.claiming()
	term, err := how(ctx, o.claim)
	if err != nil {
		o.claim.Drop()
		o.follower.Drop()
		return nil, err
	}
	o.begin(term)
	claimed()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	o.stop = stop
	o.follower.Before(o.queue.Yield)
	go o.run(run)
	return o, nil
}

// begin goes on under a term whose marker was read.
func (o *Owner) begin(term index.Term) {
	o.term, o.sequence = term, 0
	o.barrier = barrier{recent: o.barrier.recent}
	o.proofs.renew()
	o.claim.Begun(term)
}

// Finished is closed once the owner can append no more: End was called, or the claim is lost.
func (o *Owner) Finished() <-chan struct{} { return o.finished }

// Over reports whether Finished is closed.
func (o *Owner) Over() bool {
	select {
	case <-o.finished:
		return true
	default:
		return false
	}
}

// Append does what eventstore.Store's does, for streams of this partition and input that was
// checked. The commit has records. The tips are those of its expectations that have one.
func (o *Owner) Append(ctx context.Context, commit eventstore.Commit, tips []*Tip) (eventstore.Result, error) {
	var room [1]line.Tip
	at, err := o.lineTips(room[:0], tips)
	if err != nil {
		return eventstore.Result{}, err
	}
	c := line.New(commit, at...)
	if err := o.queue.Enter(ctx, c); err != nil {
		return eventstore.Result{}, err
	}
	return o.queue.Await(ctx, c)
}

// End stops the owner. It refuses commits that wait with the reason, unless the claim was lost
// before. It lets the owner try the batch in flight one last time. It may be called more than once.
func (o *Owner) End(reason error) {
	o.once.Do(func() {
		o.reason = reason
		o.stop()
		<-o.finished
		o.follower.Drop()
	})
}

// lasting returns what err means for commits that the owner never took. Their outcome is not in
// doubt.
func (o *Owner) lasting(err error) error {
	var lost *claim.LostError
	var corrupt *log.CorruptError
	switch {
	case errors.As(err, &lost):
		return lost
	case errors.As(err, &corrupt):
		return corrupt
	case o.cfg.Index.Err() != nil:
		return o.cfg.Index.Err()
	default:
		ended := fmt.Errorf("the claim has ended: %v", err) //nolint:errorlint // the doubt in err is not theirs
		return notOwner(&o.cfg, ended)
	}
}

// Failure returns why the owner has ended by itself, or nil if End ended it. It may be called once
// Finished is closed.
func (o *Owner) Failure() error { return o.failure }

// run is the owner's goroutine. It writes batch after batch, one in flight, until the claim is lost
// or the owner is ended.
func (o *Owner) run(ctx context.Context) {
	defer close(o.finished)
	defer o.follower.Before(nil)
	defer o.endRenewal() // this may take a moment, so callers are answered first
	if err := o.work(ctx); err != nil && ctx.Err() == nil {
		o.cfg.Observer.lost(err)
		o.cfg.Logger.Error("partition lost", "topic", o.cfg.Topic, "partition", o.cfg.Partition, "error", err)
		o.failure = err
		o.stopAll(o.lasting(err))
		return
	}
	o.stopAll(o.reason)
}

// stopAll refuses the commits and questions that wait, and those that come later.
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

// gather waits for a commit and takes with it all that wait already, up to the bounds of a batch. A
// batch gathers while the one before it is in flight. If there is something else to do, gather
// returns that as a task.
func (o *Owner) gather(
	ctx context.Context, due, idle <-chan time.Time,
) (commits []*line.Commit, task func(context.Context) error) {
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
		if o.asking == nil && o.claim.TookLate(o.term) { // under the next term the coordinator refuses the late copy
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

var errGaveUp = errors.New("not appended: the claim had to be renewed again and again, " +
	"and the commit was refused each time")
