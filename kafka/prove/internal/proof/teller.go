package proof

import (
	"context"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// teller is a client that works with the banks.
type teller struct {
	client

	drawer *bank.Drawer
}

func (t *teller) work(ctx context.Context) {
	for ctx.Err() == nil {
		if t.run.awaitBusy(ctx) != nil {
			return
		}
		s := t.run.bankSlots[max(0, t.rng.IntN(2*len(t.run.bankSlots))-len(t.run.bankSlots))] // mostly the first
		if t.rng.IntN(8) == 0 {
			t.burst(ctx, s)
		} else {
			t.persist(ctx, s, t.drawer.Draw(s.known()))
		}
		_ = clock.Wait(ctx, time.Duration(t.rng.Int64N(int64(2*thinkTime))))
	}
}

// maxBurst is how many orders a teller may give at once.
const maxBurst = 8

// burst gives several orders at once to one process. Most of them rest on what is queued.
func (t *teller) burst(ctx context.Context, s *bankSlot) {
	m, timeout := t.process(ctx), t.patience()
	if m == nil {
		return
	}
	var answers []<-chan bank.Op
	for range 2 + t.rng.IntN(maxBurst-1) {
		answers = append(answers, m.order(t.n, t.drawer.Draw(s.known()), timeout))
	}
	for _, answer := range answers {
		if op, ok := await(ctx, answer, timeout); ok {
			s.learn(&op)
		}
	}
}

// persist asks. As long as the outcome is unknown, or something has changed meanwhile, it asks
// again with the same command id, perhaps another process.
func (t *teller) persist(ctx context.Context, s *bankSlot, o bank.Order) {
	for range maxRetries {
		timeout := t.patience()
		m := t.process(ctx)
		known := false
		var op bank.Op
		if m != nil {
			if op, known = await(ctx, m.order(t.n, o, timeout), timeout); known {
				s.learn(&op)
			}
		}
		switch {
		case !known, op.Outcome == bank.Unknown:
			if o.Command == "" {
				return
			}
		case op.Outcome == bank.Failed:
			if clock.Wait(ctx, refusedTime) != nil || t.rng.IntN(2) == 0 {
				return
			}
		case op.Outcome == bank.Conflict && o.Kind != bank.Verify:
		default:
			return
		}
		if ctx.Err() != nil || t.run.resting() {
			return
		}
	}
}
