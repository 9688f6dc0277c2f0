package partition

import (
	"context"
	"errors"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// The pauses before another attempt: before a claim that was lost is taken again, time for whoever has claimed the partition to leave a marker; and after
// an answer that stays until somebody changes a setting.
const (
	reclaimPause = time.Second
	refusedPause = 5 * time.Second
)

// keep is the role of an owner: it waits until the claim is lost. Then the partition is followed, and claimed again where Config.Keep says so.
func (p *Partition) keep(ctx context.Context, o *Owner) {
	for o != nil {
		select {
		case <-o.Finished():
		case <-ctx.Done():
			return
		}
		var corrupt *log.CorruptError
		if errors.As(o.failure, &corrupt) { // the log is not what the index says, and a claim would only hide that
			p.breaks(corrupt)
			return
		}
		if err := p.follower.cfg.Index.Err(); err != nil { // nothing can be appended on it
			p.breaks(err)
			return
		}
		if !p.follower.cfg.Keep {
			p.follow(ctx, forever)
			return
		}
		o = p.regain(ctx, o)
	}
}

// regain claims the partition again after o has lost it. It returns nil if ctx ends, or if the partition cannot be read any more.
//
// A claim can be lost to nobody: a request of an own claim that brokers take late is a later claim to them; a transaction that it leaves open
// is aborted after a minute, under an epoch that fences the owner; brokers that refuse something end what depends on it. The last marker tells. While it is the own
// one, or one that aborts, nobody else owns the partition, and claiming it takes it from nobody: see [Owner.unlessTaken], which looks once more
// when the coordinator has ended all that came before.
//
// If the log shows that another process has claimed, the partition is followed until the other has been quiet for Config.Quiet.
func (p *Partition) regain(ctx context.Context, o *Owner) *Owner {
	f := p.follower
	o.end(nil) // it has ended by itself: this frees what it held
	for pause := reclaimPause; ; {
		if clock.Wait(ctx, pause) != nil {
			return nil
		}
		again := (*Owner).reclaim
		err := f.followToEnd(ctx)
		if err == nil && !f.claims.undisputed() {
			signs, quiet := p.untilQuiet(ctx)
			if !quiet {
				return nil
			}
			again = func(o *Owner, ctx context.Context) error { return o.claimUnlessHeard(ctx, signs) }
		}
		if err == nil {
			if o, err = p.claimAgain(ctx, again); err == nil {
				return o
			}
		}
		var lost *LostError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &lost):
			pause = reclaimPause
		case retry.KindOf(err) == retry.Passing: // brokers that are away were waited for: this is the index, or what the partition holds
			p.breaks(err)
			return nil
		default:
			pause = refusedPause
		}
		f.cfg.Logger.Warn("partition is not claimed again yet", "topic", f.cfg.Topic, "partition", f.cfg.Partition, "after", pause, "error", err)
	}
}

// untilQuiet follows the partition until the log has shown nothing of another owner for Config.Quiet: no marker, and no record that counts. It returns
// what it has heard of others by then. quiet is false if ctx ends, or if the partition cannot be read any more.
func (p *Partition) untilQuiet(ctx context.Context) (signs int64, quiet bool) {
	f := p.follower
	told := index.NoTerm()
	for {
		signs = f.claims.signs
		if told != f.claims.last {
			told = f.claims.last
			p.now.Store(&state{err: &takenError{Term: told, Quiet: f.cfg.Quiet}})
			f.cfg.Logger.Warn("partition was taken by another process; it is followed, and claimed again when the other has been quiet",
				"topic", f.cfg.Topic, "partition", f.cfg.Partition, "term", told.String(), "quiet", f.cfg.Quiet)
		}
		silence, stop := context.WithTimeout(ctx, f.cfg.Quiet)
		p.follow(silence, func() bool { return f.claims.signs != signs })
		passed := silence.Err() != nil
		stop()
		switch {
		case ctx.Err() != nil, p.now.Load().broken:
			return 0, false
		case !passed, f.followToEnd(ctx) != nil, f.claims.signs != signs: // brokers that were away may have more of the other
			continue
		}
		f.cfg.Logger.Warn("partition is claimed again: the log has shown nothing of the process that had taken it",
			"topic", f.cfg.Topic, "partition", f.cfg.Partition, "term", told.String(), "quiet", f.cfg.Quiet)
		return signs, true
	}
}

// claimAgain claims the partition; appends wait for it meanwhile.
func (p *Partition) claimAgain(ctx context.Context, claim func(*Owner, context.Context) error) (*Owner, error) {
	claiming := make(chan struct{})
	defer close(claiming)
	p.now.Store(&state{claiming: claiming, err: errFollowing})
	o, err := begin(ctx, p.follower, func(o *Owner) error { return claim(o, ctx) })
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
