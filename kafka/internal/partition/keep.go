package partition

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
)

// The pauses before another attempt: before a claim that was lost is taken again, time for whoever has claimed the partition to leave a marker; and after
// an answer that stays until somebody changes a setting.
const (
	reclaimPause = time.Second
	refusedPause = 5 * time.Second
)

// keep is the role of an owner: it waits until the claim is lost. Then the partition is claimed again where Config.Keep says so and nobody else
// has it, and otherwise followed.
func (p *Partition) keep(ctx context.Context, o *Owner) {
	for {
		select {
		case <-o.Finished():
		case <-ctx.Done():
			return
		}
		var corrupt *CorruptError
		if errors.As(o.failure, &corrupt) { // the log is not what the index says, and a claim would only hide that
			p.breaks(corrupt)
			return
		}
		if err := p.follower.cfg.Index.Err(); err != nil { // nothing can be appended on it
			p.breaks(err)
			return
		}
		if !p.follower.cfg.Keep {
			break
		}
		if o = p.regain(ctx, o); o == nil {
			break
		}
	}
	if !p.now.Load().broken {
		p.follow(ctx)
	}
}

// regain claims the partition again after o has lost it, unless the log shows that somebody else owns it, or cannot be read. It returns nil
// then, or if ctx ends.
//
// A claim can be lost to nobody: a request of an own claim that brokers take late is a later claim to them; a transaction that it leaves open
// is aborted after a minute, under an epoch that fences the owner; brokers that refuse something end what depends on it. The last marker tells. While it is the own
// one, or one that aborts, nobody else owns the partition, and claiming it takes it from nobody: see [Owner.unlessTaken], which looks once more
// when the coordinator has ended all that came before.
func (p *Partition) regain(ctx context.Context, o *Owner) *Owner {
	f := p.follower
	o.end(nil) // it has ended by itself: this frees what it held
	for pause := reclaimPause; ; {
		if clock.Wait(ctx, pause) != nil {
			return nil
		}
		err := f.followToEnd(ctx)
		if err == nil && !f.claims.undisputed() {
			f.cfg.Logger.Info("partition is another process's now, and followed", "topic", f.cfg.Topic, "partition", f.cfg.Partition)
			return nil
		}
		if err == nil {
			if o, err = p.claimAgain(ctx); err == nil {
				return o
			}
		}
		var lost *LostError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &lost):
			pause = reclaimPause
		case kindOf(err) == passing: // brokers that are away were waited for: this is the index, or what the partition holds
			p.breaks(err)
			return nil
		default:
			pause = refusedPause
		}
		f.cfg.Logger.Warn("partition is not claimed again yet", "topic", f.cfg.Topic, "partition", f.cfg.Partition, "after", pause, "error", err)
	}
}

// claimAgain claims the partition; appends wait for it meanwhile.
func (p *Partition) claimAgain(ctx context.Context) (*Owner, error) {
	claiming := make(chan struct{})
	defer close(claiming)
	p.now.Store(&state{claiming: claiming, err: errFollowing})
	o, err := reclaim(ctx, p.follower)
	switch {
	case err == nil:
		p.now.Store(&state{owner: o})
	case ctx.Err() != nil:
		p.now.Store(&state{err: errGivenUp})
	default:
		p.now.Store(&state{err: err})
	}
	return o, err
}
