package delivery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/subscription"
	"github.com/fencelog/fencelog/internal/letters"
)

// maxSpan bounds the offsets that are remembered as done while one before them is not.
const maxSpan = 100_000

// Runner hands the records of one partition to a handler: some at once, those of one key in order.
// Keys are those of the subscription's order.
type Runner struct {
	cfg    Config
	parked *letters.Parked
	orders chan letters.Entry
	ended  chan struct{} // closed once no order is taken any more

	waits  *waits
	window *Window[*delivery]
	bytes  int                 // of the values in the window
	held   map[string]*task    // by key: the first in the window, while letters of the key are redriven
	busy   map[string]struct{} // keys whose letters are being handled
	jobs   []job               // that may run, when a worker is free
	asleep map[*task]job       // that will be woken, to be done again
	mark   int64               // the last offset that Commit was told

	in      chan item
	work    chan job
	results chan result
	woken   chan job
}

type task = Task[*delivery]

// delivery is one record on its way through its attempts.
type delivery struct {
	record      eventstore.Record
	raw         Raw // nil if the record is a letter
	attempts    int
	counted     int       // attempts towards the bound: those that ended with Retry
	begun       time.Time // the first attempt of this delivery
	first, last time.Time // attempt, also of a letter's earlier deliveries
	held        time.Time // the first attempt that ended with Hold
	err         error     // of the last attempt
}

// note is what a letter says of the last attempt.
func (d *delivery) note() string {
	if d.err == nil {
		return ""
	}
	return d.err.Error()
}

// item is what the source has come to: a record, or only a position.
type item struct {
	delivery *delivery
	position int64
}

// New returns a runner of a partition from the offset next on, of which parked is set aside.
func New(cfg Config, next int64, parked *letters.Parked) *Runner {
	return &Runner{
		cfg: cfg, parked: parked, orders: make(chan letters.Entry), ended: make(chan struct{}),
		window: NewWindow[*delivery](next), mark: next,
		waits: newWaits(cfg.Concurrency),
		held:  make(map[string]*task), busy: make(map[string]struct{}),
		asleep: make(map[*task]job),
		in:     make(chan item), work: make(chan job), results: make(chan result), woken: make(chan job),
	}
}

// Order tells the runner of an entry of the letters' log, in the log's order. It also tells it of
// what the runner itself wrote, whose acknowledgement may come before or after. It returns once the
// runner knows, or needs to know nothing more, or ctx ends.
func (r *Runner) Order(ctx context.Context, e letters.Entry) {
	select {
	case r.orders <- e:
	case <-r.ended:
	case <-ctx.Done():
	}
}

// Run runs until ctx ends or the source fails, whose error it returns. It waits for handlers under
// way: what they finish counts, and the last Commit comes before Run returns.
func (r *Runner) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group, workers sync.WaitGroup
	var failed error
	group.Go(func() {
		defer stop()
		failed = r.pump(ctx)
	})
	for worker := range r.cfg.Concurrency {
		workers.Go(func() {
			for j := range r.work {
				j.worker = worker
				done := r.do(ctx, j)
				r.waits.does(worker, Wait{})
				r.results <- done
			}
		})
	}
	r.coordinate(ctx, &group)
	close(r.ended)
	close(r.work)
	go func() {
		workers.Wait()
		close(r.results)
	}()
	for res := range r.results {
		r.settle(res)
	}
	r.commit()
	group.Wait()
	return failed
}

// pump takes records from the source to the coordinator.
func (r *Runner) pump(ctx context.Context) error {
	send := func(i item) bool {
		select {
		case r.in <- i:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for ctx.Err() == nil {
		position, err := r.cfg.Source(ctx, func(rec eventstore.Record, raw Raw) bool {
			return send(item{delivery: &delivery{record: rec, raw: raw}})
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() == nil { // else the position may be past a record that nobody took
			send(item{position: position})
		}
	}
	return nil
}

// coordinate is the one goroutine that knows what is where. It returns when ctx ends.
func (r *Runner) coordinate(ctx context.Context, group *sync.WaitGroup) {
	for _, key := range r.parked.Keys() {
		r.redrive(key)
	}
	for {
		r.schedule()
		var work chan<- job
		var next job
		if len(r.jobs) > 0 {
			work, next = r.work, r.jobs[0]
		}
		var in <-chan item
		full := r.full()
		if full == "" {
			in = r.in
		}
		r.waits.reads(full, r.cfg.Now)
		select {
		case work <- next:
			r.jobs = r.jobs[1:]
		case i := <-in:
			r.add(i)
		case res := <-r.results:
			if again := r.settle(res); again > 0 {
				group.Go(func() {
					if r.cfg.Sleep(ctx, again) != nil {
						return
					}
					select {
					case r.woken <- res.job:
					case <-ctx.Done():
					}
				})
			}
		case j := <-r.woken:
			if _, ok := r.asleep[j.task]; ok { // otherwise it was dropped meanwhile
				delete(r.asleep, j.task)
				r.jobs = append(r.jobs, j)
			}
		case e := <-r.orders:
			r.obey(e)
		case <-ctx.Done():
			return
		}
		r.commit()
	}
}

// full says why no more may be read, or nothing.
func (r *Runner) full() string {
	switch {
	case r.window.Len() >= r.cfg.MaxInFlight:
		return crowded
	case r.window.Span() >= maxSpan:
		return fmt.Sprintf(spread, maxSpan)
	case r.bytes >= r.cfg.MaxBytes:
		return fmt.Sprintf(heavy, r.cfg.MaxBytes)
	}
	return ""
}

func (r *Runner) add(i item) {
	if i.delivery == nil {
		r.window.Pass(i.position)
		return
	}
	record := &i.delivery.record
	r.bytes += len(record.Value)
	r.window.Add(r.keys(record.AggregateID).In(r.cfg.Order), record.Position.Offset, i.delivery)
}

// schedule turns what may be handled now into jobs.
func (r *Runner) schedule() {
	for len(r.jobs) < r.cfg.Concurrency {
		t := r.window.Next()
		if t == nil {
			return
		}
		lane := r.parked.Lane(t.Key)
		switch {
		case r.parked.Resolved(t.Offset), r.parked.Holds(t.Key, t.Offset),
			r.parked.Passed(r.keys(t.Item.record.AggregateID), t.Offset):
			// Delivered before, and handled or set aside.
			r.done(t)
			r.redrive(t.Key) // its letter may have waited for the events before it
		case lane == nil, t.Offset < lane[0].Offset:
			r.jobs = append(r.jobs, job{what: deliver, task: t})
		case r.parked.Due(t.Key): // its turn comes when the letters before it are handled, or one of them fails
			r.held[t.Key] = t
		default:
			r.jobs = append(r.jobs, job{what: park, task: t})
		}
	}
}

// redrive begins to handle the letters of the key, if it is to be. It waits while an event of the
// key before the first letter is left to do. There may be one after a restart, because the letter
// was set aside in another order, or because somebody has set the group's offset back.
func (r *Runner) redrive(key string) {
	if !r.parked.Due(key) {
		r.release(key)
		return
	}
	if _, ok := r.busy[key]; ok {
		return
	}
	first := r.parked.Lane(key)[0]
	if !r.window.Through(key, first.Offset) {
		r.release(key) // schedule calls again when it comes to the letter's record, behind those events
		return
	}
	r.busy[key] = struct{}{}
	r.jobs = append(r.jobs, job{what: redrive, key: key, letter: first, task: &task{Key: key, Item: &delivery{}}})
}

// resolve begins to write that an event which is set aside was handled.
func (r *Runner) resolve(key string, keys letters.Key, offset int64) {
	r.jobs = append(r.jobs, job{what: resolve, key: key, letter: letters.Letter{Key: keys, Offset: offset}})
}

// release lets the first record of the window go on that waited for letters of its key.
func (r *Runner) release(key string) {
	if t := r.held[key]; t != nil {
		delete(r.held, key)
		r.window.Wake(t)
	}
}

// obey does what the letters' log says.
func (r *Runner) obey(e letters.Entry) {
	key := e.Keys().In(r.cfg.Order)
	// A process that lost the partition, and did not know, set aside what is done here.
	stale := e.Kind.Whole() && r.window.Behind(key, e.Offset) &&
		!r.parked.Resolved(e.Offset) && !r.parked.Holds(key, e.Offset)
	if r.parked.Apply(&e); stale {
		r.resolve(key, e.Keys(), e.Offset)
		return
	}
	if e.Kind == letters.Discarded || e.Kind == letters.Handled {
		r.dropMoot()
	}
	asks := e.Kind == letters.Redrive || e.Kind == letters.Failed
	if asks && r.cfg.Order == subscription.ByStream && e.Order == subscription.ByPartitionKey {
		for _, other := range r.parked.Keys() { // it is about all streams of its partition key
			if r.parked.Lane(other)[0].Key.Partition == e.Keys().Partition {
				r.redrive(other)
			}
		}
	}
	r.redrive(key)
}

func (r *Runner) done(t *task) {
	r.bytes -= len(t.Item.record.Value)
	r.window.Done(t)
}

func (r *Runner) commit() {
	if low := r.window.LowWater(); low > r.mark {
		r.mark = low
		r.cfg.Commit(low)
	}
}
