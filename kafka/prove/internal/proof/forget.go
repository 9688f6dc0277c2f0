package proof

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

// forgetful is longer than brokers remember the epochs of an idle partition if Faults.Forgetting is
// on.
const forgetful = 5 * time.Second

// forget lets an owner sleep past a takeover until the brokers have forgotten both owners' epochs.
// Then only the offset in the answer tells the sleeper that it owns nothing.
func (r *run) forget(ctx context.Context, rng *rand.Rand) {
	for clock.Wait(ctx, between(rng, 2*time.Second, 4*time.Second)) == nil {
		sleeper := r.rivals[r.current.Load()]
		if _, store := sleeper.usable(); store == noStore {
			continue
		}
		end := r.quiet()
		_ = clock.Wait(ctx, time.Second) // for what is under way
		if r.oversleep(ctx, sleeper, r.rivals[(sleeper.n+1)%len(r.rivals)]) {
			r.hurt("owner asleep until forgotten", "worker %d", sleeper.n)
		}
		end()
	}
}

// oversleep pauses the sleeper, lets the heir take over and append, and waits until the brokers
// have forgotten. Then it wakes the sleeper and makes it append. It reports whether all that
// happened.
func (r *run) oversleep(ctx context.Context, sleeper, heir *rival) bool {
	if _, store := sleeper.usable(); store == noStore || !sleeper.pause() {
		return false
	}
	defer sleeper.resume()
	heir.lose(heir.storeNumber())
	if heir.open(ctx) == nil || !r.appendEverywhere(heir) {
		return false
	}
	if clock.Wait(ctx, forgetful) != nil {
		return false
	}
	sleeper.resume()
	r.appendEverywhere(sleeper)
	r.appendEverywhere(heir)
	return true
}

// appendEverywhere appends to every live stream and in every bank, whatever the versions, and
// reports whether all were stored.
func (r *run) appendEverywhere(m *rival) bool {
	all := true
	for _, s := range r.slots {
		op := history.Op{Client: nobody, Stream: s.stream(), Kind: history.Append, Events: 1, Expected: history.Any}
		a := <-m.do(op, 3*time.Second)
		all = all && a.Outcome == history.Appended
	}
	for _, s := range r.bankSlots {
		a := <-m.order(nobody, s.known().NoteEverywhere(), 3*time.Second)
		all = all && a.Outcome == bank.Written
	}
	return all
}
