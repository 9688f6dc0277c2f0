package proof

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
)

// ambush catches owners, again and again, at the moments at which a refusal is most easily told
// from the past: just woken after a takeover, and with a batch or a barrier under way of which
// nobody knows whether it landed. Everybody else rests, so the partitions are idle but for this.
func (r *run) ambush(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, 2*time.Second, 7*time.Second)) == nil {
		old := r.rivals[r.current.Load()]
		if _, store := old.usable(); store == noStore {
			continue
		}
		heir := r.rivals[(old.n+1+rng.IntN(len(r.rivals)-1))%len(r.rivals)]
		end := r.quiet()
		switch held := between(rng, 0, 500*time.Millisecond); rng.IntN(4) {
		case 0:
			r.doubt(ctx, old, heir, proxy.Produce, held)
		case 1:
			r.doubt(ctx, old, heir, proxy.Claim, held)
		default:
			r.wakeOvertaken(ctx, old, heir)
		}
		end()
	}
}

// wakeOvertaken pauses an owner, lets the heir take over and append, wakes the owner, and asks it
// for refusals at once.
func (r *run) wakeOvertaken(ctx context.Context, old, heir *rival) {
	if !old.pause() {
		return
	}
	defer old.resume()
	heir.lose(heir.storeNumber())
	if heir.open(ctx) == nil || !r.appendEverywhere(heir) {
		return
	}
	old.resume()
	r.refuseEverywhere(ctx, old)
	r.hurt("refusals asked of an owner just woken", "worker %d, overtaken by worker %d", old.n, heir.n)
}

// doubt loses the answer to a batch of the owner's, or to a request of a barrier, and holds back
// whatever the owner sends after it. Meanwhile the heir takes over and appends, and then the owner
// is asked for refusals: what it still has under way proves nothing of them.
func (r *run) doubt(ctx context.Context, old, heir *rival, to proxy.Kind, held time.Duration) {
	links := old.links()
	caught := make(chan struct{})
	var once sync.Once
	lose(links, proxy.Loss{Answers: 1, To: to, Then: func() {
		setAll(links, proxy.Weather{HoldRequests: true})
		once.Do(func() { close(caught) })
	}})
	defer setAll(links, proxy.Weather{})
	defer lose(links, proxy.Loss{})
	underWay := r.beginOf(old, to)
	bounded, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case <-caught:
	case <-bounded.Done():
		return
	}
	lose(links, proxy.Loss{})
	heir.lose(heir.storeNumber())
	if heir.open(ctx) == nil || !r.appendEverywhere(heir) {
		return
	}
	asked := r.askRefusals(old)
	_ = clock.Wait(ctx, held)
	setAll(links, proxy.Weather{})
	for _, answer := range append(underWay, asked...) {
		awaitAnswer(ctx, answer)
	}
	r.hurt("refusals asked of an owner in doubt of a "+string(to), "worker %d, overtaken by worker %d", old.n, heir.n)
}

// beginOf makes the rival send batches, or a barrier's requests, and does not wait.
func (r *run) beginOf(m *rival, what proxy.Kind) (answers []<-chan history.Op) {
	if what == proxy.Claim {
		return r.askRefusals(m)
	}
	for _, s := range r.slots {
		answers = append(answers, m.do(history.Op{
			Client: -1, Stream: s.stream(), Kind: history.Append, Events: 1, Expected: history.Any, Queued: true,
		}, openTimeout))
	}
	return answers
}

// refuseTimeout bounds a refusal that is asked for on purpose.
const refuseTimeout = 3 * time.Second

// refuseEverywhere asks the rival for a refusal on every live stream, all at once, and waits for
// the answers.
func (r *run) refuseEverywhere(ctx context.Context, m *rival) {
	for _, answer := range r.askRefusals(m) {
		awaitAnswer(ctx, answer)
	}
}

func (r *run) askRefusals(m *rival) (answers []<-chan history.Op) {
	for _, s := range r.slots {
		answers = append(answers, m.do(history.Op{Client: -1, Stream: s.stream(), Kind: history.Refusal},
			refuseTimeout))
	}
	return answers
}

// awaitAnswer waits for an answer, but not for that of a process that sleeps.
func awaitAnswer(ctx context.Context, answer <-chan history.Op) {
	ctx, cancel := context.WithTimeout(ctx, refuseTimeout+extraTime)
	defer cancel()
	select {
	case <-answer:
	case <-ctx.Done():
	}
}
