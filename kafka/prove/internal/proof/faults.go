package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
	"github.com/fencelog/fencelog/kafka/prove/internal/worker"
)

// journal is the list of faults, with the times that histories have.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	origin time.Time
}

func openJournal(path string, origin time.Time) (*journal, error) {
	f, err := os.Create(path)
	return &journal{file: f, origin: origin}, err
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(j.file, "%12.6f  %s\n", time.Since(j.origin).Seconds(), fmt.Sprintf(format, args...))
}

func (j *journal) close() { _ = j.file.Close() }

// hurt notes a fault in the journal and counts it.
func (r *run) hurt(kind, format string, args ...any) {
	r.count.fault(kind)
	r.journal.note(kind+": "+format, args...)
}

// nemeses returns the functions that inject faults. Each undoes its faults before it returns.
func (r *run) nemeses() []func(context.Context, *rand.Rand) {
	var all []func(context.Context, *rand.Rand)
	if r.cfg.Faults.Brokers {
		all = append(all, r.hurtBrokers)
	}
	if r.cfg.Faults.Workers {
		all = append(all, r.hurtWorkers)
		if !r.cfg.Sharing { // an instance that should own nothing more cannot be made to claim
			all = append(all, r.ambush)
		}
	}
	if r.cfg.Faults.Crashes {
		all = append(all, r.crashOwners)
	}
	if r.cfg.Faults.Connections {
		all = append(all, r.hurtConnections)
	}
	if r.cfg.Faults.Forgetting {
		all = append(all, r.forget)
	}
	if r.cfg.Faults.Markers {
		all = append(all, r.doubleMarkers)
		if r.cfg.Prefixes > 1 {
			all = append(all, r.revive)
		}
	}
	return all
}

// between returns a duration of the range.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)+1))
}

// mostlyShort returns a duration of the range, seldom a long one, so that there is work between the
// faults.
func mostlyShort(rng *rand.Rand, low, high time.Duration) time.Duration {
	u := rng.Float64()
	return low + time.Duration(u*u*u*float64(high-low))
}

// hurtBrokers takes one broker after the other out of service. It never takes two at once, because
// then nothing could be acknowledged.
func (r *run) hurtBrokers(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, 2*time.Second, 10*time.Second)) == nil {
		if rng.IntN(3) == 0 {
			r.moveDuties(ctx, rng)
			continue
		}
		victim, why, err := r.chooseBroker(ctx, rng)
		if err != nil {
			continue
		}
		if rng.IntN(4) == 0 {
			r.pauseBroker(ctx, victim, why, mostlyShort(rng, 500*time.Millisecond, 8*time.Second))
		} else {
			r.killBroker(ctx, victim, why, between(rng, 0, 6*time.Second))
		}
	}
}

// moveDuties makes another broker the leader of a partition, or the coordinator of its claims, with
// no broker down.
func (r *run) moveDuties(ctx context.Context, rng *rand.Rand) {
	at, prefix := r.somePlace(rng), r.somePrefix(rng)
	what, move := "leader moved", func() error { return r.guide.moveLeader(ctx, at) }
	if rng.IntN(2) == 0 {
		what, move = "coordinator moved", func() error { return r.guide.moveCoordinator(ctx, prefix, at) }
	}
	if err := move(); err != nil {
		r.journal.note("%s of %s: not done: %v", what, at, err)
		return
	}
	r.hurt(what, "%s", at)
}

// somePrefix returns one of the prefixes that the processes have.
func (r *run) somePrefix(rng *rand.Rand) string { return r.cfg.claimPrefix(rng.IntN(r.cfg.Prefixes)) }

// chooseBroker returns a broker to hurt, and its role. Mostly the store needs that broker.
func (r *run) chooseBroker(ctx context.Context, rng *rand.Rand) (victim int, why string, err error) {
	at, choices := r.somePlace(rng), 4
	if r.cfg.Sharing {
		choices = 6
	}
	switch rng.IntN(choices) {
	case 0, 1:
		victim, err = r.guide.leader(ctx, at)
		return victim, "leader", err
	case 2:
		victim, err = r.guide.coordinator(ctx, r.somePrefix(rng), at)
		return victim, "coordinator", err
	case 4, 5:
		victim, err = r.guide.groupCoordinator(ctx)
		return victim, "group coordinator", err
	default:
		return rng.IntN(len(r.cluster.Brokers())), "any", nil
	}
}

func (r *run) pauseBroker(ctx context.Context, n int, why string, d time.Duration) {
	r.hurt("broker paused, "+why, "broker %d for %s", n, d)
	if err := r.cluster.Pause(n); err != nil {
		r.journal.note("pause: %v", err)
		return
	}
	_ = clock.Wait(ctx, d)
	if err := r.cluster.Resume(n); err != nil {
		r.journal.note("resume: %v", err)
	}
	r.journal.note("broker %d resumed", n)
}

func (r *run) killBroker(ctx context.Context, n int, why string, d time.Duration) {
	r.hurt("broker killed, "+why, "broker %d for %s", n, d)
	if err := r.cluster.Kill(n); err != nil {
		r.journal.note("kill: %v", err)
	}
	_ = clock.Wait(ctx, d)
	restart, cancel := context.WithTimeout(context.WithoutCancel(ctx), healTimeout) // also when the work is over
	defer cancel()
	if err := r.cluster.Restart(restart, n); err != nil {
		r.alarm(ruleHeals, fmt.Sprintf("broker %d does not come back: %v", n, err))
	}
	r.journal.note("broker %d is back", n)
}

// hurtWorkers kills, pauses, closes and overtakes processes.
func (r *run) hurtWorkers(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, time.Second, 6*time.Second)) == nil {
		m := r.rivals[rng.IntN(len(r.rivals))]
		if rng.IntN(3) > 0 {
			m = r.rivals[r.current.Load()]
		}
		_, store := m.usable()
		owner := "idle"
		if store != noStore {
			owner = "owner"
		}
		switch rng.IntN(8) {
		case 0:
			r.hurt("process killed, "+owner+", index kept", "worker %d", m.n)
			m.kill()
		case 1:
			r.hurt("process killed, "+owner+", index deleted", "worker %d", m.n)
			m.kill()
			if err := os.RemoveAll(m.indexDir()); err != nil {
				r.journal.note("delete the index: %v", err)
			}
		case 2:
			r.hurt("store closed", "worker %d", m.n)
			m.close()
		case 3:
			r.hurt("takeover hurried", "all but worker %d", m.n)
			r.hurryOthers(m)
		default:
			r.pauseWorker(ctx, m, owner, mostlyShort(rng, 100*time.Millisecond, 8*time.Second))
		}
	}
}

// crashOwners kills the process that owns the partitions, soon after it has begun to work, and
// keeps its index.
func (r *run) crashOwners(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, 200*time.Millisecond, time.Second)) == nil {
		m := r.rivals[r.current.Load()]
		if _, store := m.usable(); store == noStore {
			continue
		}
		r.hurt("process killed, owner, index kept", "worker %d", m.n)
		m.kill()
	}
}

// pauseWorker stops a process where it stands, lets another one take over, and wakes it.
func (r *run) pauseWorker(ctx context.Context, m *rival, owner string, d time.Duration) {
	if !m.pause() {
		return
	}
	before := r.count.openings.Load()
	r.journal.note("process paused: worker %d for %s", m.n, d)
	r.hurryOthers(m)
	if r.cfg.Sharing && d > worker.Session/2 {
		d += worker.Session
	}
	_ = clock.Wait(ctx, d)
	m.resume()
	r.refuseEverywhere(ctx, m)
	switch {
	case r.count.openings.Load() > before:
		owner += " past a takeover"
	case r.cfg.Sharing && d > worker.Session:
		owner += " past its session"
	}
	r.hurt("process paused, "+owner, "worker %d woken", m.n)
}

func (r *run) hurryOthers(m *rival) {
	for _, other := range r.rivals {
		if other != m {
			other.hurry()
		}
	}
}

// hurtConnections spoils the connections of one process, or to one broker, or of one process to one
// broker.
func (r *run) hurtConnections(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, 300*time.Millisecond, 3*time.Second)) == nil {
		links, which := r.someLinks(rng)
		set := func(kind string, w proxy.Weather, d time.Duration) {
			r.hurt("connections "+kind, "%s for %s", which, d)
			setAll(links, w)
			_ = clock.Wait(ctx, d)
			setAll(links, proxy.Weather{})
		}
		switch rng.IntN(8) {
		case 0:
			r.hurt("connections cut", "%s", which)
			cut(links)
		case 1:
			set("delayed", proxy.Weather{Delay: between(rng, 5*time.Millisecond, 150*time.Millisecond)},
				mostlyShort(rng, time.Second, 4*time.Second))
		case 2:
			set("holding requests", proxy.Weather{HoldRequests: true},
				mostlyShort(rng, 200*time.Millisecond, 8*time.Second))
		case 3:
			set("holding answers", proxy.Weather{HoldAnswers: true},
				mostlyShort(rng, 200*time.Millisecond, 8*time.Second))
		case 4:
			set("black-holed", proxy.Weather{HoldRequests: true, HoldAnswers: true},
				mostlyShort(rng, 200*time.Millisecond, 9*time.Second))
		case 5:
			cut(links)
			set("refused", proxy.Weather{Refuse: true}, between(rng, 200*time.Millisecond, 3*time.Second))
		default:
			to := []proxy.Kind{proxy.Anything, proxy.Produce, proxy.Claim}[rng.IntN(3)]
			r.loseAnswers(ctx, links, which, proxy.Loss{Answers: 1 + rng.IntN(3), To: to})
		}
	}
	for _, m := range r.rivals {
		for n := range r.cluster.Brokers() {
			m.proxy.Link(n).Set(proxy.Weather{})
			m.proxy.Link(n).Lose(proxy.Loss{})
		}
	}
}

// loseAnswers loses the answers to produces, claims and barriers that the brokers carried out.
func (r *run) loseAnswers(ctx context.Context, links []*proxy.Link, which string, loss proxy.Loss) {
	kinds := []proxy.Kind{proxy.Produce, proxy.Claim}
	before := make(map[proxy.Kind]int)
	for _, kind := range kinds {
		before[kind] = lost(links, kind)
	}
	lose(links, loss)
	_ = clock.Wait(ctx, time.Second)
	lose(links, proxy.Loss{})
	for _, kind := range kinds {
		for range lost(links, kind) - before[kind] {
			r.hurt("answer lost, "+string(kind), "%s", which)
		}
	}
}

func lose(links []*proxy.Link, loss proxy.Loss) {
	for _, l := range links {
		l.Lose(loss)
	}
}

func lost(links []*proxy.Link, to proxy.Kind) (n int) {
	for _, l := range links {
		n += l.Lost(to)
	}
	return n
}

func setAll(links []*proxy.Link, w proxy.Weather) {
	for _, l := range links {
		l.Set(w)
	}
}

func cut(links []*proxy.Link) {
	for _, l := range links {
		l.Cut()
	}
}

func (r *run) someLinks(rng *rand.Rand) (links []*proxy.Link, which string) {
	w, b := rng.IntN(len(r.rivals)), rng.IntN(len(r.cluster.Brokers()))
	if rng.IntN(2) == 0 {
		w = int(r.current.Load())
	}
	switch rng.IntN(3) {
	case 0:
		return []*proxy.Link{r.rivals[w].proxy.Link(b)}, fmt.Sprintf("worker %d to broker %d", w, b)
	case 1:
		return r.rivals[w].links(), fmt.Sprintf("worker %d to all brokers", w)
	default:
		for _, m := range r.rivals {
			links = append(links, m.proxy.Link(b))
		}
		return links, fmt.Sprintf("all workers to broker %d", b)
	}
}
