package proof

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
	"github.com/fencelog/fencelog/kafka/prove/internal/proxy"
)

// recentMarkers is how many of the newest markers of a partition may be written again.
const recentMarkers = 6

// doubleMarkers lets markers be written a second time, as a coordinator may. They change nothing,
// whether their term still counts or another term has ended it.
func (r *run) doubleMarkers(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, time.Second/2, 3*time.Second)) == nil {
		at := r.somePlace(rng)
		all := r.topicOf(at).read.Markers(at.partition)
		if len(all) == 0 {
			continue
		}
		r.double(ctx, at.topic, all[len(all)-1-rng.IntN(min(len(all), recentMarkers))])
	}
}

// double lets the leader write a marker again, and reports whether that was done.
func (r *run) double(ctx context.Context, topic string, m history.Record) bool {
	done, err := r.guide.doubleMarker(ctx, topic, m)
	if err != nil || !done {
		return false
	}
	r.hurt("marker doubled", "%s, term %d/%d", place{topic, m.Partition}, m.ProducerID, m.Epoch)
	return true
}

// revive holds an owner's batches back, and lets an heir with another prefix take over. So the
// coordinator does not fence the owner. Then revive lets the owner's last markers be written again,
// and lets the batches go. The batches land when their term is over, behind a marker of that term.
func (r *run) revive(ctx context.Context, rng *rand.Rand) {
	pause := func() time.Duration { return between(rng, 2*time.Second, 7*time.Second) }
	for wait := pause(); clock.Wait(ctx, wait) == nil; {
		end := r.quiet()
		old := r.rivals[r.current.Load()]
		done := false
		if heir := r.ofAnotherPrefix(old); heir != nil && old.storeNumber() != noStore {
			done = r.reviveOnce(ctx, rng, old, heir)
		}
		end()
		if wait = pause(); !done {
			wait /= 4
		}
	}
}

// ofAnotherPrefix returns a rival with another prefix than that of m, or nil if there is none.
func (r *run) ofAnotherPrefix(m *rival) *rival {
	for i := range r.rivals {
		other := r.rivals[(m.n+1+i)%len(r.rivals)]
		if r.cfg.claimPrefix(other.n) != r.cfg.claimPrefix(m.n) {
			return other
		}
	}
	return nil
}

// reviveOnce does what revive does, once, and reports whether it could.
func (r *run) reviveOnce(ctx context.Context, rng *rand.Rand, old, heir *rival) bool {
	links := old.links()
	if r.catchUp(ctx) != nil {
		return false
	}
	last := make(map[string][]history.Record) // by topic: those of the owner's term, as nobody else works
	for _, t := range r.topics {
		for p := range t.partitions {
			if all := t.read.Markers(p); len(all) > 0 {
				last[t.name] = append(last[t.name], all[len(all)-1])
			}
		}
	}
	setAll(links, proxy.Weather{HoldRequests: true})
	defer setAll(links, proxy.Weather{})
	half := rng.Perm(len(r.slots))
	var answers []answer
	for _, i := range half[:len(half)/2] { // the heir leaves these alone, or versions would betray the batch
		answers = append(answers, answerOf(old.do(history.Op{
			Client: nobody, Stream: r.slots[i].stream(), Kind: history.Append, Events: 1, Expected: history.Any,
		}, openTimeout)))
	}
	for _, s := range r.bankSlots { // and of each pair it leaves one pot alone
		answers = append(answers, answerOf(old.order(nobody, s.known().ReadBoth(), openTimeout)))
	}
	heir.lose(heir.storeNumber())
	if heir.open(ctx) == nil {
		return false
	}
	for _, i := range half[len(half)/2:] {
		answerOf(heir.do(history.Op{
			Client: nobody, Stream: r.slots[i].stream(), Kind: history.Append, Events: 1, Expected: history.Any,
		}, refuseTimeout))(ctx)
	}
	for _, s := range r.bankSlots {
		answerOf(heir.order(nobody, s.known().WriteOther(), refuseTimeout))(ctx)
	}
	doubled := 0
	for topic, markers := range last {
		for _, m := range markers {
			if r.double(ctx, topic, m) {
				doubled++
			}
		}
	}
	setAll(links, proxy.Weather{})
	for _, a := range answers {
		a(ctx)
	}
	if doubled > 0 {
		r.hurt("batch held back past a takeover, its term's marker doubled", "worker %d, overtaken by worker %d", old.n,
			heir.n)
	}
	return doubled > 0
}
