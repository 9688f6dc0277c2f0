package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// single is a contender of the case of one caller.
type single struct {
	name  string
	every int // it has one turn in so many, as slow contenders have fewer
	do    func(ctx context.Context, i int) error

	times    []time.Duration
	p50, p99 []float64
}

// nameBare is a produce request with one event, and nothing else.
const nameBare = "a bare acknowledged produce"

// latency is the case of one caller who appends one event after the other. The contenders take
// turns append by append.
func (r *run) latency(ctx context.Context) (t Table, err error) {
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	all, err := r.singles(ctx, func(c func() error) { closers = append(closers, c) })
	if err != nil {
		return t, err
	}
	t, err = r.takeTurns(ctx, "single", all)
	if err != nil {
		return t, err
	}
	t.Title = fmt.Sprintf("one caller appends one event at a time to a new stream, %d partitions", partitions)
	store, bare := all[0], all[1]
	t.Goals = []Goal{
		{Text: "p50 against a bare produce's", Found: ratios(store.p50, bare.p50), Want: 1.15, AtMost: true},
		{Text: "p99 against a bare produce's", Found: ratios(store.p99, bare.p99), Want: 1.15, AtMost: true},
	}
	return t, nil
}

// takeTurns lets the contenders do one thing each, in turn, again and again. It returns a table of
// the times that they took.
func (r *run) takeTurns(ctx context.Context, name string, all []*single) (t Table, err error) {
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		settle()
		err := r.profiled(name, round, func() error {
			for i := range r.size.single {
				for _, s := range all {
					if i%s.every != 0 {
						continue
					}
					passed := stopwatch()
					if err := s.do(ctx, i); err != nil {
						return fmt.Errorf("%s: %w", s.name, err)
					}
					s.times = append(s.times, passed())
				}
			}
			return nil
		})
		if err != nil {
			return t, err
		}
		for _, s := range all {
			p50, p99 := quantile(s.times, 0.50), quantile(s.times, 0.99)
			r.say("%s: round %d: %-34s p50 %s  p99 %s", name, round, s.name, Seconds.format(p50), Seconds.format(p99))
			if round > 0 {
				s.p50, s.p99 = append(s.p50, p50), append(s.p99, p99)
			}
			s.times = s.times[:0]
		}
	}
	t = Table{
		Columns: []Column{{"p50", Seconds}, {"p99", Seconds}},
		Notes:   []string{"the contenders take turns call by call"},
	}
	for _, s := range all {
		t.Rows = append(t.Rows, Row{Contender: s.name, Figures: [][]float64{s.p50, s.p99}})
	}
	return t, nil
}

// singles opens the contenders, this store and the bare produce first. It calls keep with the
// functions that close them.
func (r *run) singles(ctx context.Context, keep func(func() error)) ([]*single, error) {
	src := r.source()
	cfg, err := r.link.config(ctx, "bench-single", partitions, r.folder("single"))
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	keep(store.Close)
	bareTopic, err := r.link.topic(ctx, "bench-single-bare", partitions)
	if err != nil {
		return nil, err
	}
	bare, err := newLimit(ctx, r.link, bareTopic, false)
	if err != nil {
		return nil, err
	}
	keep(bare.close)
	bare.prepare(1, newStreams(src))
	asyncTopic, err := r.link.topic(ctx, "bench-single-async", partitions)
	if err != nil {
		return nil, err
	}
	async, err := newAsyncProducer(r.link.brokers, asyncTopic, idempotent())
	if err != nil {
		return nil, err
	}
	keep(async.close)
	txnTopic, err := r.link.topic(ctx, "bench-single-txn", partitions)
	if err != nil {
		return nil, err
	}
	txn, err := newTransactions(r.link.brokers, txnTopic)
	if err != nil {
		return nil, err
	}
	keep(txn.close)
	table, err := postgres.NewTable(ctx, r.pg, "single", 1, nil)
	if err != nil {
		return nil, err
	}
	keep(func() error { return table.Close(context.WithoutCancel(ctx)) })

	answer := make(delivery, 1)
	by := func(do appendOne) func(context.Context, int) error {
		return func(ctx context.Context, _ int) error { return do(ctx, src, answer) }
	}
	const seldom = 20
	return []*single{
		{name: nameStore, every: 1, do: by(byStore(store))},
		{name: nameBare, every: 1, do: bare.one},
		{name: nameAsync, every: 1, do: by(byProducer(async))},
		{name: nameTxn, every: seldom, do: by(byProducer(txn))},
		{name: namePostgres, every: 1, do: by(byTable(table))},
	}, nil
}
