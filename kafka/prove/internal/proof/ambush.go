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

// ambush catches owners, again and again, at moments at which they may easily tell a refusal from
// the past. Some have just been woken after a takeover. Others have a batch or a barrier under way,
// and nobody knows whether it landed. All clients and other processes rest, so the partitions are
// otherwise idle.
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

// doubt loses the answer to one of the owner's batches, or to a request of a barrier. It holds back
// all that the owner sends after that. Meanwhile the heir takes over and appends. Then doubt asks
// the owner for refusals, and its batch or barrier under way proves nothing for them.
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
	for _, a := range append(underWay, asked...) {
		a(ctx)
	}
	r.hurt("refusals asked of an owner in doubt of a "+string(to), "worker %d, overtaken by worker %d", old.n, heir.n)
}

// beginOf makes the rival send batches or a barrier's requests, and does not wait.
func (r *run) beginOf(m *rival, what proxy.Kind) (answers []answer) {
	if what == proxy.Claim {
		return r.askRefusals(m)
	}
	for _, s := range r.slots {
		answers = append(answers, answerOf(m.do(history.Op{
			Client: nobody, Stream: s.stream(), Kind: history.Append, Events: 1, Expected: history.Any, Queued: true,
		}, openTimeout)))
	}
	for _, s := range r.bankSlots {
		answers = append(answers, answerOf(m.order(nobody, s.known().ReadBoth(), openTimeout)))
	}
	return answers
}

// refuseTimeout bounds a refusal that is asked for on purpose.
const refuseTimeout = 3 * time.Second

// refuseEverywhere asks the rival for a refusal on every live stream and in every bank at the same
// time, and waits for the answers.
func (r *run) refuseEverywhere(ctx context.Context, m *rival) {
	for _, a := range r.askRefusals(m) {
		a(ctx)
	}
}

func (r *run) askRefusals(m *rival) (answers []answer) {
	for _, s := range r.slots {
		answers = append(answers, answerOf(m.do(history.Op{Client: nobody, Stream: s.stream(), Kind: history.Refusal},
			refuseTimeout)))
	}
	for _, s := range r.bankSlots {
		for _, o := range s.known().Exact() {
			answers = append(answers, answerOf(m.order(nobody, o, refuseTimeout)))
		}
	}
	return answers
}

// answer waits until an answer has come, or never will. It does not wait for long, because the
// process may sleep.
type answer func(ctx context.Context)

// answerOf returns the answer of any kind that the channel gets.
func answerOf[T any](c <-chan T) answer {
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, refuseTimeout+extraTime)
		defer cancel()
		select {
		case <-c:
		case <-ctx.Done():
		}
	}
}
