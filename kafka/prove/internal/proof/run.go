package proof

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
	"github.com/fencelog/fencelog/kafka/prove/internal/worker"
	"github.com/fencelog/fencelog/kafka/topics"
)

const topicPrefix = "prove"

// run is one proof under way.
type run struct {
	cfg     Config
	cluster *kafkatest.Cluster
	guide   *guide
	rec     *history.Recorder
	log     *history.Log
	banks   *bank.Recorder
	bankLog *bank.Log
	topics  []*held // of the streams, and of the banks
	rivals  []*rival
	slots   []*slot
	count   counters
	verdict *verdict
	begun   time.Time // of the work
	worked  time.Duration
	journal *journal

	bankSlots []*bankSlot

	current atomic.Int32 // the rival that opened last
	streams atomic.Int64 // names given to streams and banks so far
	tasks   sync.WaitGroup
	once    sync.Once
	started chan struct{} // closed once a store has been opened, and then faults begin

	scene sync.Mutex // held by the one that lets clients and rivals rest

	mu       sync.Mutex
	rest     chan struct{} // while clients and rivals rest; closed when they may go on
	retired  []retired
	verdicts map[string]bank.Verdict // by bank, of the last time it was judged
}

// Run proves once. The error is about the proof itself. The violations that it found are in the
// report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("prove: configuration: %w", err)
	}
	temporary := cfg.Dir == ""
	if temporary {
		if cfg.Dir, err = os.MkdirTemp("", "prove-"); err != nil {
			return nil, fmt.Errorf("prove: %w", err)
		}
	} else if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	report, err := runOf(cfg)(ctx, cfg)
	if err == nil && temporary && len(report.Violations)+len(report.Undecided) == 0 {
		report.Dir = ""
		err = os.RemoveAll(cfg.Dir)
	}
	return report, err
}

// runOf returns the function that runs a proof of this configuration.
func runOf(cfg Config) func(context.Context, Config) (*Report, error) {
	if cfg.Faults.Log {
		return hurtLog
	}
	return prove
}

func prove(ctx context.Context, cfg Config) (*Report, error) {
	origin := time.Now()
	now := func() int64 { return int64(time.Since(origin)) }
	r := &run{
		cfg: cfg,
		rec: history.NewRecorder(now), log: history.NewLog(), banks: bank.NewRecorder(now), bankLog: bank.NewLog(),
		started: make(chan struct{}), verdicts: make(map[string]bank.Verdict),
	}
	r.count.faults = make(map[string]int)
	if cfg.Sharing || cfg.Prefixes > 1 { // a process that has lost a partition may get it back
		r.rec.Share()
	}
	j, err := openJournal(filepath.Join(cfg.Dir, "faults.log"), origin)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	defer j.close()
	r.journal = j
	if err := r.startCluster(ctx); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	err = r.withCluster(ctx)
	if stopped := r.cluster.Stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return r.report(), nil
}

// startCluster starts brokers that are quick to notice that one of them is dead.
func (r *run) startCluster(ctx context.Context) error {
	properties := map[string]string{"broker.session.timeout.ms": "3000"}
	if r.cfg.Faults.Forgetting {
		properties["producer.id.expiration.ms"] = "2000"
		properties["producer.id.expiration.check.interval.ms"] = "300"
	}
	var err error
	r.cluster, err = kafkatest.Start(ctx,
		kafkatest.Config{Version: r.cfg.Kafka, Properties: properties, Progress: r.cfg.Progress})
	return err
}

// withCluster does everything that needs the brokers.
func (r *run) withCluster(ctx context.Context) error {
	conn := connection.Config{Brokers: r.cluster.Brokers(), Logger: slog.New(slog.DiscardHandler)}
	_, err := topics.Create(ctx, conn, topics.Config{
		Prefix: topicPrefix, Categories: worker.Categories(partitions, bankPartitions),
	})
	if err != nil {
		return err
	}
	if r.guide, err = newGuide(r.cluster.Brokers()); err != nil {
		return err
	}
	defer r.guide.close()
	if err := r.followTopics(ctx); err != nil {
		return err
	}
	defer r.leaveTopics()
	defer func() {
		for _, m := range r.rivals {
			m.kill()
			m.proxy.Close()
		}
		r.tasks.Wait()
	}()
	for n := range r.cfg.Workers {
		p, err := proxy.New(ctx, r.cluster.Brokers())
		if err != nil {
			return err
		}
		m := newRival(r, n, p)
		r.rivals = append(r.rivals, m)
		if err := os.RemoveAll(m.indexDir()); err != nil { // of another proof in the same folder
			return err
		}
	}
	for range liveStreams {
		r.slots = append(r.slots, &slot{run: r})
	}
	for range liveBanks {
		r.bankSlots = append(r.bankSlots, &bankSlot{run: r})
	}
	return r.work(ctx)
}

// work starts clients, rivals and faults, ends them in order, and judges what happened.
func (r *run) work(ctx context.Context) error {
	r.begun = time.Now()
	working, enough := context.WithTimeout(ctx, r.cfg.Duration+extension)
	defer enough()
	found := enough
	if !r.cfg.UntilCaught {
		found = func() {}
	}
	r.verdict = newVerdict(r.begun, found)

	var faults, keepers, clients, watchers sync.WaitGroup
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	watchers.Go(func() { r.endWork(working, enough) })
	watchers.Go(func() { r.tell(watching) })
	watchers.Go(func() { r.judgeRetired(watching) })
	watchers.Go(func() { r.watchLog(watching) })
	for i, m := range r.rivals {
		rng := r.rng(100 + uint64(i))
		keepers.Go(func() { m.live(working, rng) })
	}
	for n := range r.cfg.Clients {
		c := client{run: r, n: n, rng: r.rng(1000 + uint64(n))}
		work := c.work
		if n%tellersEvery == 0 && r.cfg.Clients > 1 {
			t := &teller{client: c, drawer: bank.NewDrawer(c.rng, n)}
			work = t.work
		}
		clients.Go(func() { work(working) })
	}
	for i, inject := range r.nemeses() {
		rng := r.rng(uint64(i))
		faults.Go(func() {
			select {
			case <-r.started:
				inject(working, rng)
			case <-working.Done():
			}
		})
	}
	<-working.Done()
	r.worked = time.Since(r.begun)
	faults.Wait()
	clients.Wait()
	keepers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !r.cfg.UntilCaught || !r.verdict.any() {
		r.heal(ctx)
	}
	for _, m := range r.rivals {
		m.kill()
	}
	r.tasks.Wait()
	unwatch()
	watchers.Wait()
	return r.judgeAll(ctx)
}

// endWork ends the work when its time is over and all faults that are required were injected.
func (r *run) endWork(ctx context.Context, end func()) {
	defer end()
	for lasts := r.cfg.Duration; clock.Wait(ctx, lasts) == nil; lasts = healPause {
		if injected, _ := r.count.allFaults(); len(r.cfg.missing(injected)) == 0 {
			return
		}
	}
}

// rng returns the source of choices of one actor.
func (r *run) rng(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(r.cfg.Seed, actor)) }

func (r *run) background(f func()) { r.tasks.Go(f) }

// healPause is the time between two checks whether everything works again.
const healPause = 100 * time.Millisecond

// heal checks whether everything works again, now that all faults are over. A process must open a
// store. Then it must append to every stream, read it, and answer a refusal on it. In every bank it
// must append, make an audit and refuse a transfer.
func (r *run) heal(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	begun := time.Now()
	if r.cfg.Sharing || r.cfg.Prefixes > 1 { // the partitions of the others go to this one, and nobody takes them back
		for _, m := range r.rivals[1:] {
			m.kill()
		}
	}
	for opened := false; ctx.Err() == nil; {
		m := r.rivals[0]
		if !opened || !r.cfg.Sharing {
			if opened = m.open(ctx) != nil; !opened {
				continue
			}
		}
		if r.allWork(m) {
			r.journal.note("healed after %s", time.Since(begun).Round(time.Millisecond))
			return
		}
		_ = clock.Wait(ctx, healPause)
	}
	r.alarm(ruleHeals, fmt.Sprintf("%s after the last fault, no process can open the store and append to every stream",
		healTimeout))
}

func (r *run) allWork(m *rival) bool {
	for _, s := range r.slots {
		op := history.Op{Client: nobody, Stream: s.stream(), Kind: history.Append, Events: 1, Expected: history.Any}
		if a := <-m.do(op, openTimeout); a.Outcome != history.Appended {
			return false
		}
		read := history.Op{Client: nobody, Stream: op.Stream, Kind: history.Read}
		if a := <-m.do(read, openTimeout); a.Outcome != history.Answered {
			return false
		}
		refusal := history.Op{Client: nobody, Stream: op.Stream, Kind: history.Refusal}
		if a := <-m.do(refusal, openTimeout); a.Outcome != history.Answered {
			return false
		}
	}
	for _, s := range r.bankSlots {
		k := s.known()
		if a := <-m.order(nobody, k.NoteEverywhere(), openTimeout); a.Outcome != bank.Written {
			return false
		}
		for _, o := range k.Exact() {
			if a := <-m.order(nobody, o, openTimeout); a.Outcome != bank.Confirmed {
				return false
			}
		}
	}
	return true
}

// quiet lets clients and rivals rest until the returned function is called. If somebody else lets
// them rest, quiet waits for the end of that.
func (r *run) quiet() (end func()) {
	r.scene.Lock()
	rest := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = rest
	return func() {
		defer r.scene.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.rest = nil
		close(rest)
	}
}

func (r *run) resting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rest != nil
}

// awaitBusy waits while everything rests.
func (r *run) awaitBusy(ctx context.Context) error {
	r.mu.Lock()
	rest := r.rest
	r.mu.Unlock()
	if rest == nil {
		return ctx.Err()
	}
	select {
	case <-rest:
		return ctx.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// noteDeath notes that a process has ended, and reports that if nobody killed it.
func (r *run) noteDeath(m *rival, p *worker.Process) {
	if how := p.Died(); how != "" {
		r.alarm(ruleProcess, fmt.Sprintf("worker %d %s", m.n, how))
	}
	m.mu.Lock()
	if m.process == p {
		m.process = nil
	}
	m.mu.Unlock()
}

// judgesAtOnce bounds the streams that are judged at the same time.
func judgesAtOnce() int { return max(1, runtime.GOMAXPROCS(0)) }

var errNotCaughtUp = errors.New("the consumer did not reach the end of the topic")
