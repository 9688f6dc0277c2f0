package measure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka"
)

// refusal is the case of callers who get an answer and append nothing, such as a refusal. The
// answer waits for the next batch of the partition. If no caller appends, it waits for a barrier.
func (r *run) refusal(ctx context.Context) (t Table, err error) {
	f, err := r.newRefusals(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for _, together := range f.turns {
			settle()
			err := r.profiled("refusal", round, func() error { return askTogether(ctx, r.size.turn, together) })
			if err != nil {
				return t, err
			}
			for _, a := range together {
				r.say("refusal: round %d: %-62s %s", round, a.name, a.count(round > 0))
			}
		}
	}
	cost, err := f.one.costOfBarriers(ctx, r.size.claims)
	if err != nil {
		return t, err
	}
	t = Table{
		Title: "answers that append nothing, of a stream with one event",
		Columns: []Column{
			{"p50", Seconds}, {"p99", Seconds}, {"answers/s", Rate}, {"barriers per answer", Number},
		},
		Goals: []Goal{
			{Text: "idle p50", Unit: Seconds, Found: f.idle.p50, Want: 0.010, AtMost: true},
			{
				Text: "busy p50 against an append's there", Found: ratios(f.busy.p50, f.appends.p50), Want: 2,
				AtMost: true,
			},
		},
		Notes: []string{
			"a caller asks again as soon as it is answered, unless its row says otherwise; " +
				"nobody appends to an idle partition",
			fmt.Sprintf("the coordinator is asked again until the transaction before has ended, by the limit every %v",
				limitPause),
			fmt.Sprintf("a barrier adds %s to the partition, and %s to %s, on each replica",
				cost.partition, cost.coordinator, transactionState),
		},
	}
	for _, together := range f.turns {
		for _, a := range together {
			row := Row{Contender: a.name, Figures: [][]float64{a.p50, a.p99, a.rate, a.barriers}}
			if a == f.appends {
				row.Claimed = f.one.filled + a.answered
				err = row.verify(ctx, f.one.stored)
			}
			if err != nil {
				return t, err
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t, nil
}

// asking is callers of one kind.
type asking struct {
	name    string
	callers []func(context.Context) error // each asks once and waits for its answer
	rest    time.Duration                 // between an answer and the next question
	bars    *atomic.Int64                 // counts the barriers that are over; nil if the answers take none

	times    [][]time.Duration // of each caller in this turn
	took     time.Duration     // the turn
	barred   int64             // barriers in this turn
	answered int64             // of all turns

	p50, p99, rate, barriers []float64
}

// count adds a turn to the figures, if they are wanted, and says what it found.
func (a *asking) count(wanted bool) string {
	var all []time.Duration
	for _, times := range a.times {
		all = append(all, times...)
	}
	a.times, a.answered = nil, a.answered+int64(len(all))
	p50, p99, n := quantile(all, 0.50), quantile(all, 0.99), float64(len(all))
	if wanted {
		a.p50, a.p99, a.rate = append(a.p50, p50), append(a.p99, p99), append(a.rate, n/a.took.Seconds())
		if a.bars != nil {
			a.barriers = append(a.barriers, float64(a.barred)/n)
		}
	}
	return fmt.Sprintf("p50 %s  p99 %s", Seconds.format(p50), Seconds.format(p99))
}

// refusals is what the case asks.
type refusals struct {
	turns               [][]*asking // those in one turn ask at the same time
	idle, busy, appends *asking     // compared by the goals

	one, many *asked
	bare      *limit
	limit     *claimLimit
}

// newRefusals opens the stores, of one partition and of many, and the limits.
func (r *run) newRefusals(ctx context.Context) (f *refusals, err error) {
	f = &refusals{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.one, err = r.newAsked(ctx, "bench-refusal", 1, 1); err != nil {
		return f, err
	}
	if f.many, err = r.newAsked(ctx, "bench-refusals", partitions, r.size.callers); err != nil {
		return f, err
	}
	bareTopic, err := r.link.topic(ctx, "bench-refusal-bare", 1)
	if err != nil {
		return f, err
	}
	if f.bare, err = newLimit(ctx, r.link, bareTopic, false); err != nil {
		return f, err
	}
	f.bare.prepare(1, newStreams(r.source()))
	if f.limit, err = newClaimLimit(ctx, r.link, "bench-refusal-limit"); err != nil {
		return f, err
	}
	f.ask(r.newSources(r.size.deciders))
	return f, nil
}

// ask sets which callers ask for what, turn by turn.
func (f *refusals) ask(appending []*source) {
	one, part, sent := f.one.refused(f.one.streams[0], confirmed), f.bare.parts[0], 0
	f.idle = &asking{name: "idle: one caller", bars: &f.one.barriers, callers: []func(context.Context) error{one}}
	crowd := &asking{
		name: fmt.Sprintf("idle: %s callers at once, %d partitions", thousands(int64(len(f.many.streams))), partitions),
		bars: &f.many.barriers,
	}
	for _, s := range f.many.streams {
		crowd.callers = append(crowd.callers, f.many.refused(s, confirmed))
	}
	f.busy = &asking{
		name: fmt.Sprintf("busy: one caller, beside %d that append to the partition", len(appending)),
		bars: &f.one.barriers, callers: f.idle.callers,
	}
	f.appends = &asking{name: "busy: an append of theirs"}
	for _, src := range appending {
		f.appends.callers = append(f.appends.callers, func(ctx context.Context) error {
			return byStore(f.one.store)(ctx, src, nil)
		})
	}
	rested := &asking{
		name: fmt.Sprintf("idle: one caller, %v after the answer before", shortBetween),
		rest: shortBetween, bars: &f.one.barriers, callers: f.idle.callers,
	}
	f.turns = [][]*asking{{f.idle}, {rested}, {crowd}, {f.busy, f.appends}, {{
		name: "unconfirmed: one caller", bars: &f.one.barriers,
		callers: []func(context.Context) error{f.one.refused(f.one.streams[0], unconfirmed)},
	}}, {{
		name: nameBare, callers: []func(context.Context) error{func(context.Context) error {
			sent++
			_, err := part.send(part.ready[sent%len(part.ready)], false)
			return err
		}},
	}}, {{
		name:    "limit: the requests of a barrier, on a connection that is kept",
		callers: []func(context.Context) error{f.limit.barrier},
	}}}
}

func (f *refusals) close() error {
	var errs []error
	for _, a := range []*asked{f.one, f.many} {
		if a != nil {
			errs = append(errs, a.store.Close())
		}
	}
	if f.bare != nil {
		errs = append(errs, f.bare.close())
	}
	if f.limit != nil {
		errs = append(errs, f.limit.close())
	}
	return errors.Join(errs...)
}

// askTogether lets all of them ask for the time given.
func askTogether(ctx context.Context, d time.Duration, together []*asking) error {
	for _, a := range together {
		a.times = make([][]time.Duration, len(a.callers))
		if a.bars != nil {
			a.barred = -a.bars.Load()
		}
	}
	passed := stopwatch()
	group, gctx := errgroup.WithContext(ctx)
	for _, a := range together {
		for i, ask := range a.callers {
			group.Go(func() error {
				for passed() < d {
					if a.rest > 0 {
						if err := clock.Wait(gctx, a.rest); err != nil {
							return err
						}
					}
					one := stopwatch()
					if err := ask(gctx); err != nil {
						return fmt.Errorf("%s: %w", a.name, err)
					}
					a.times[i] = append(a.times[i], one())
				}
				return nil
			})
		}
	}
	err := group.Wait()
	for _, a := range together {
		a.took = passed()
		if a.bars != nil {
			a.barred += a.bars.Load()
		}
	}
	return err
}

// asked is a store whose callers append nothing.
type asked struct {
	link     *cluster
	store    *kafka.Store
	topic    string
	streams  []eventstore.Stream // each has one event
	filled   int64               // their events
	barriers atomic.Int64        // those that are over
}

// newAsked opens a store and fills n streams.
func (r *run) newAsked(ctx context.Context, name string, parts int32, n int) (*asked, error) {
	a := &asked{link: r.link, filled: int64(n)}
	cfg, err := r.link.config(ctx, name, parts, r.folder(name))
	if err != nil {
		return nil, err
	}
	if a.topic, err = r.link.topic(ctx, name, parts); err != nil {
		return nil, err
	}
	cfg.Hooks.Barred = func(kafka.Barrier) { a.barriers.Add(1) }
	if a.store, err = openStore(ctx, cfg); err != nil {
		return nil, err
	}
	group, gctx := errgroup.WithContext(ctx)
	for _, src := range r.newSources(n) {
		s := src.stream()
		a.streams = append(a.streams, s)
		group.Go(func() error {
			_, err := a.store.Append(gctx, eventstore.To(s, eventstore.NoStream, src.records(1)...))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	return a, nil
}

// The ways to ask for an answer without events. A confirmed answer waits until the brokers have
// confirmed it.
const (
	confirmed   = false
	unconfirmed = true
)

// refused returns a function that loads the stream, as a decision does, and asks the store to check
// it.
func (a *asked) refused(s eventstore.Stream, unconfirmed bool) func(context.Context) error {
	return func(ctx context.Context) error {
		all, at := a.store.ReadQueued(ctx, s.At(0))
		n := 0
		for _, err := range all {
			if err != nil {
				return err
			}
			n++
		}
		if n != 1 {
			return fmt.Errorf("%s: found %d events, expected 1", s, n)
		}
		check := at.Commit()
		check.Unconfirmed = unconfirmed
		_, err := a.store.Append(ctx, check)
		return err
	}
}

// stored reads how many events the topic has.
func (a *asked) stored() (int64, error) { return a.link.count(a.topic) }
