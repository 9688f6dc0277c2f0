package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
	"github.com/fencelog/fencelog/kafka/prove/internal/worker"
)

// noStore is the number of no opening.
const noStore = -1

// rival is one of the competitors. It has one process at a time, behind its own proxy.
type rival struct {
	run   *run
	n     int
	proxy *proxy.Proxy

	mu      sync.Mutex
	process *worker.Process
	store   int           // opening that clients may use, or noStore
	paused  bool          // stopped by SIGSTOP
	nudge   chan struct{} // has an element if the rival should open at once
	opening sync.Mutex    // one opening at a time
	gone    chan struct{} // closed when the store is lost or closed, or its process killed
}

func newRival(r *run, n int, p *proxy.Proxy) *rival {
	return &rival{run: r, n: n, proxy: p, store: noStore, nudge: make(chan struct{}, 1)}
}

// start starts a process.
func (m *rival) start() error {
	log := filepath.Join(m.run.cfg.Dir, fmt.Sprintf("worker-%d.log", m.n))
	p, err := worker.Start(m.run.cfg.Command, m.run.cfg.Env, log)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process = p
	return nil
}

// live opens a store after a while, whenever the rival has none, until ctx ends.
func (m *rival) live(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		if m.n != 0 || len(m.run.rec.Owners().Openings) > 0 { // the first one does not wait
			m.idle(ctx, rng)
		}
		if m.run.awaitBusy(ctx) != nil {
			return
		}
		gone := m.open(ctx)
		if gone == nil {
			continue
		}
		select {
		case <-gone:
		case <-ctx.Done():
		}
	}
}

// idle waits before a rival competes again. Often that is long enough for the owner to do some
// work, and sometimes not.
func (m *rival) idle(ctx context.Context, rng *rand.Rand) {
	pause := time.Duration(1+rng.IntN(6000)) * time.Millisecond
	if rng.IntN(5) == 0 {
		pause /= 20
	}
	wait, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	select {
	case <-m.nudge:
	case <-wait.Done():
	}
}

// open starts the process if there is none, and opens a store. It returns nil if that fails.
// Otherwise it returns a channel that is closed when the store is gone.
func (m *rival) open(ctx context.Context) <-chan struct{} {
	m.opening.Lock()
	defer m.opening.Unlock()
	p := m.running()
	if p == nil {
		if err := m.start(); err != nil {
			m.run.alarm(ruleProcess, fmt.Sprintf("worker %d: %v", m.n, err))
			_ = clock.Wait(ctx, time.Second)
			return nil
		}
		p = m.running()
	}
	m.lose(m.storeNumber()) // the process closes that store before it opens another one
	store := m.run.rec.Opening(m.n)
	answer := p.Ask(worker.Request{
		Order: worker.Open, Store: store, Timeout: openTimeout,
		Open: &worker.Settings{
			Brokers: m.proxy.Brokers(), TopicPrefix: topicPrefix, ClaimPrefix: m.run.cfg.claimPrefix(m.n),
			Partitions: partitions, BankPartitions: bankPartitions,
			RequestTimeout: requestTimeout, ClaimRenewal: m.run.cfg.claimRenewal(), QuietTime: m.run.cfg.quietTime(),
			IndexDir: m.indexDir(), Advertise: m.address(), Broken: m.run.cfg.Broken,
		},
	})
	a, ok := <-answer
	m.run.rec.Opened(store, ok && a.Err == "")
	if !ok {
		m.run.noteDeath(m, p)
		return nil
	}
	if a.Alarm != "" {
		m.run.alarm(ruleAlarm, fmt.Sprintf("worker %d opens: %s", m.n, a.Alarm))
	}
	if a.Err != "" {
		m.run.count.failedOpenings.Add(1)
		m.run.journal.note("worker %d does not open: %s", m.n, a.Err)
		return nil
	}
	m.run.count.openings.Add(1)
	m.run.once.Do(func() { close(m.run.started) })
	return m.has(p, store)
}

// has notes that a process has opened a store. It returns a channel that is closed when the store
// is gone, or nil if the process was killed meanwhile.
func (m *rival) has(p *worker.Process, store int) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != p {
		return nil
	}
	m.store, m.gone = store, make(chan struct{})
	m.run.current.Store(int32(m.n))
	return m.gone
}

// running returns the process, or nil if there is none.
func (m *rival) running() *worker.Process {
	m.mu.Lock()
	p := m.process
	m.mu.Unlock()
	if p == nil {
		return nil
	}
	if p.Died() != "" {
		m.run.noteDeath(m, p)
		return nil
	}
	return p
}

// lose notes that the store is gone.
func (m *rival) lose(store int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.store == store && store != noStore {
		m.store = noStore
		close(m.gone)
	}
}

// usable returns the process and the number of its store, or noStore.
func (m *rival) usable() (*worker.Process, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process, m.store
}

// links returns the rival's ways to all brokers.
func (m *rival) links() []*proxy.Link {
	var all []*proxy.Link
	for n := range m.run.cluster.Brokers() {
		all = append(all, m.proxy.Link(n))
	}
	return all
}

func (m *rival) indexDir() string { return filepath.Join(m.run.cfg.Dir, fmt.Sprintf("index-%d", m.n)) }

// address is the address that the rival advertises. It is empty if the rivals do not share.
func (m *rival) address() string {
	if !m.run.cfg.Sharing {
		return ""
	}
	return fmt.Sprintf("worker-%d", m.n)
}

// kill ends the process. live starts another one.
func (m *rival) kill() {
	m.mu.Lock()
	p, store := m.process, m.store
	m.process, m.paused = nil, false
	m.mu.Unlock()
	if p != nil {
		p.Kill()
	}
	m.lose(store)
}

// pause stops the process and reports whether it ran.
func (m *rival) pause() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil || m.paused {
		return false
	}
	m.paused = true
	m.process.Pause()
	return true
}

func (m *rival) resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil && m.paused {
		m.process.Resume()
	}
	m.paused = false
}

// close closes the store in order.
func (m *rival) close() {
	p, store := m.usable()
	if p == nil || store == noStore {
		return
	}
	m.lose(store)
	m.run.background(func() {
		if a, ok := <-p.Ask(worker.Request{Order: worker.Close, Store: store, Timeout: openTimeout}); ok {
			m.run.count.skipped.Add(a.Skipped)
		}
	})
}

// hurry lets the rival open now if it is idle.
func (m *rival) hurry() {
	select {
	case m.nudge <- struct{}{}:
	default:
	}
}

// nobody is the number of the client that asks on behalf of the proof itself.
const nobody = -1

// do sends the operation to the store and returns a channel that gets it with its outcome. If no
// answer ever comes, the channel is closed when the process is gone.
func (m *rival) do(op history.Op, timeout time.Duration) <-chan history.Op {
	done := make(chan history.Op, 1)
	p, store := m.usable()
	if p == nil || store == noStore {
		close(done)
		return done
	}
	op.Store = store
	op = m.run.rec.Begin(op)
	m.run.count.begun.Add(1)
	order := worker.Append
	switch op.Kind {
	case history.Read:
		order = worker.Read
	case history.Refusal:
		order = worker.Refuse
	default:
	}
	answer := p.Ask(worker.Request{Order: order, Store: store, Timeout: timeout, Op: &op})
	m.run.background(func() {
		defer close(done)
		a, ok := <-answer
		if !ok {
			return
		}
		m.run.rec.End(*a.Op)
		m.run.count.answered(a.Op)
		if a.Alarm != "" {
			m.run.alarm(ruleAlarm, fmt.Sprintf("%s: %s", a.Op, a.Alarm))
		}
		m.heed(store, a.Op.Err, a.Op.Outcome == history.NotAppended)
		done <- *a.Op
	})
	return done
}

// order sends an order for a bank to the store and returns a channel that gets it with its outcome.
// If no answer ever comes, the channel is closed when the process is gone.
func (m *rival) order(client int, o bank.Order, timeout time.Duration) <-chan bank.Op {
	done := make(chan bank.Op, 1)
	p, store := m.usable()
	if p == nil || store == noStore {
		close(done)
		return done
	}
	op := m.run.banks.Begin(bank.Op{Client: client, Store: store, Order: o})
	m.run.count.orders.Add(1)
	answer := p.Ask(worker.Request{Order: worker.Bank, Store: store, Timeout: timeout, Bank: &op})
	m.run.background(func() {
		defer close(done)
		a, ok := <-answer
		if !ok {
			return
		}
		m.run.banks.End(*a.Bank)
		if a.Alarm != "" {
			m.run.alarm(ruleAlarm, fmt.Sprintf("%s: %s", a.Bank, a.Alarm))
		}
		wrote := a.Bank.Plan != nil && len(a.Bank.Plan.Writes) > 0
		m.heed(store, a.Bank.Err, wrote && a.Bank.Outcome == bank.Failed)
		done <- *a.Bank
	})
	return done
}

// heed notes that the store is lost if an answer with this error shows that it can append no more.
// refused says that the store has refused to append.
func (m *rival) heed(store int, err string, refused bool) {
	switch {
	case err == "not owner":
		if !m.run.cfg.Sharing { // a process that shares goes on
			m.lose(store)
		}
	case refused && err != "closed" && err != "out of time":
		m.run.count.stopped.Add(1)
		m.lose(store)
	}
}

func (m *rival) storeNumber() int {
	_, store := m.usable()
	return store
}
