package measure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fencelog/fencelog/eventstore"
)

// load is the case of reading one stream of ten events among many.
func (r *run) load(ctx context.Context) (t Table, err error) {
	f, err := r.long(ctx)
	if err != nil {
		return t, err
	}
	table, err := r.fillTable(ctx, "load", f.streams, 1)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, table.Close(context.WithoutCancel(ctx))) }()
	store, err := openStore(ctx, f.cfg)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	all := []struct {
		name     string
		stream   func(s eventstore.Stream) hotStream
		p50, p99 []float64
	}{
		{name: nameStore, stream: func(s eventstore.Stream) hotStream { return storeLoad{store, s} }},
		{name: namePostgres, stream: func(s eventstore.Stream) hotStream { return tableHot{table, s.ID} }},
	}
	rng := rand.New(rand.NewPCG(r.cfg.Seed, 1))
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for i := range all {
			c := &all[i]
			settle()
			times := make([]time.Duration, r.size.loads)
			turn := func() error {
				for i := range times {
					if times[i], err = timeLoad(ctx, c.stream(streamOf(rng.IntN(f.streams)))); err != nil {
						return err
					}
				}
				return nil
			}
			if c.name == nameStore {
				err = r.profiled("load", round, turn)
			} else {
				err = turn()
			}
			if err != nil {
				return t, fmt.Errorf("%s: %w", c.name, err)
			}
			p50, p99 := quantile(times, 0.50), quantile(times, 0.99)
			r.say("load: round %d: %-34s p50 %s  p99 %s", round, c.name, Seconds.format(p50), Seconds.format(p99))
			if round > 0 {
				c.p50, c.p99 = append(c.p50, p50), append(c.p99, p99)
			}
		}
	}
	t = Table{
		Title: fmt.Sprintf("one caller loads a stream of %d events among %s, at random", perStream,
			thousands(int64(f.streams))),
		Columns: []Column{{"p50", Seconds}, {"p99", Seconds}},
		Goals: []Goal{
			{Text: "p50", Unit: Seconds, Found: all[0].p50, Want: 20e-6, AtMost: true},
			{Text: "times as fast as PostgreSQL, by p50", Found: ratios(all[1].p50, all[0].p50), Want: 10},
		},
	}
	for _, c := range all {
		t.Rows = append(t.Rows, Row{Contender: c.name, Figures: [][]float64{c.p50, c.p99}})
	}
	return t, nil
}

// timeLoad reads a stream that has ten events.
func timeLoad(ctx context.Context, s hotStream) (time.Duration, error) {
	n, bytes := int64(0), 0
	passed := stopwatch()
	_, err := s.load(ctx, 1, func(r *eventstore.Record) {
		n, bytes = n+1, bytes+len(r.Value)
	})
	took := passed()
	if err == nil && (n != perStream || bytes == 0) {
		err = fmt.Errorf("a stream of %d events has %d with %d bytes", perStream, n, bytes)
	}
	return took, err
}
