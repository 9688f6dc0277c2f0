package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka/internal/claim"
	"github.com/fencelog/fencelog/kafka/internal/log"
	"github.com/fencelog/fencelog/kafka/internal/owner"
	"github.com/fencelog/fencelog/kafka/internal/retry"
)

// The pauses before another attempt. The first one gives another process that has claimed the
// partition time to leave its marker. The second one is for an answer that stays the same until
// somebody changes a setting.
const (
	reclaimPause = time.Second
	refusedPause = 5 * time.Second
)

// keep is the role of an owner. It waits until the claim is lost. Then it claims the partition
// again if Config.Keep says so, and otherwise follows it.
func (p *Partition) keep(ctx context.Context, o *owner.Owner) {
	for o != nil {
		select {
		case <-o.Finished():
		case <-ctx.Done():
			return
		}
		var corrupt *log.CorruptError
		if errors.As(o.Failure(), &corrupt) { // the log contradicts the index, and a claim would only hide that
			p.breaks(corrupt)
			return
		}
		if err := p.cfg.Index.Err(); err != nil { // without an index nothing can be appended
			p.breaks(err)
			return
		}
		if !p.cfg.Keep {
			p.follow(ctx, forever)
			return
		}
		o = p.regain(ctx, o)
	}
}

// regain claims the partition again after o has lost it. It returns nil if ctx ends, or if the
// partition cannot be read any more.
//
// A claim can be lost though no other process has claimed:
//   - brokers take a late request of an own claim for a later claim;
//   - a claim leaves a transaction open, and after a minute the coordinator aborts it, under an
//     epoch that fences the owner;
//   - brokers refuse something, such as a permission, that the claim needs.
//
// The last marker tells. If it is an own one, or one that aborts, nobody else owns the partition.
// Then a new claim takes the partition from nobody. [claim.Claim.UnlessTaken] looks once more when
// the coordinator has ended all that came before.
//
// If the log shows that another process has claimed, regain follows the partition until the other
// has been quiet for Config.Quiet.
func (p *Partition) regain(ctx context.Context, o *owner.Owner) *owner.Owner {
	f := p.follower
	o.End(nil) // it has ended by itself; End frees what it held
	for pause := reclaimPause; ; {
		if clock.Wait(ctx, pause) != nil {
			return nil
		}
		again := reclaim
		err := f.FollowToEnd(ctx)
		if err == nil && !p.record.Undisputed() {
			signs, quiet := p.untilQuiet(ctx)
			if !quiet {
				return nil
			}
			again = func(ctx context.Context, c *claim.Claim) (index.Term, error) { return c.TakeFromQuiet(ctx, signs) }
		}
		if err == nil {
			if o, err = p.claimAgain(ctx, again); err == nil {
				return o
			}
		}
		var lost *claim.LostError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &lost):
			pause = reclaimPause
		case retry.KindOf(err) == retry.Passing:
			// brokers that were away have been waited for, so this is the index's failure, or the
			// partition's content
			p.breaks(err)
			return nil
		default:
			pause = refusedPause
		}
		p.cfg.Logger.Warn("partition is not claimed again yet",
			"topic", p.cfg.Topic, "partition", p.cfg.Partition, "after", pause, "error", err)
	}
}

func reclaim(ctx context.Context, c *claim.Claim) (index.Term, error) { return c.Reclaim(ctx) }

// untilQuiet follows the partition until the log has shown nothing of another owner for
// Config.Quiet: no marker, and no record that counts. It returns the signs of others that it has
// read by then. quiet is false if ctx ends, or if the partition cannot be read any more.
func (p *Partition) untilQuiet(ctx context.Context) (signs int64, quiet bool) {
	f := p.follower
	told := index.NoTerm()
	for {
		signs = p.record.Signs()
		if told != p.record.Last() {
			told = p.record.Last()
			p.now.Store(&state{err: &takenError{Term: told, Quiet: p.cfg.Quiet}})
			p.cfg.Logger.Warn("partition was taken by another process; it is followed, "+
				"and claimed again when the other has been quiet",
				"topic", p.cfg.Topic, "partition", p.cfg.Partition, "term", told.String(), "quiet", p.cfg.Quiet)
		}
		silence, stop := context.WithTimeout(ctx, p.cfg.Quiet)
		p.follow(silence, func() bool { return p.record.Signs() != signs })
		passed := silence.Err() != nil
		stop()
		switch {
		case ctx.Err() != nil, p.now.Load().broken:
			return 0, false
		case !passed, f.FollowToEnd(ctx) != nil, p.record.Signs() != signs:
			// brokers that were away may hold more from the other process
			continue
		}
		p.cfg.Logger.Warn("partition is claimed again: the log has shown nothing of the process that had taken it",
			"topic", p.cfg.Topic, "partition", p.cfg.Partition, "term", told.String(), "quiet", p.cfg.Quiet)
		return signs, true
	}
}

// claimAgain claims the partition, and appends wait for it meanwhile.
func (p *Partition) claimAgain(ctx context.Context, how owner.How) (*owner.Owner, error) {
	claiming := make(chan struct{})
	defer close(claiming)
	p.now.Store(&state{claiming: claiming, err: errFollowing})
	o, err := p.claim(ctx, how)
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

// takenError says that another process has claimed the partition, and what this one does about it.
type takenError struct {
	Term  index.Term // the other's
	Quiet time.Duration
}

// Error says who owns the partition and when this process claims it again.
func (e *takenError) Error() string {
	return fmt.Sprintf("another process has claimed the partition (term %s); this one follows it, "+
		"and claims it again when the log has shown nothing of the other for %s: "+
		"stop one of the two if both run", e.Term, e.Quiet)
}
