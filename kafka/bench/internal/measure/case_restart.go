package measure

import (
	"context"
	"errors"
	"fmt"
)

// noise is the greatest ratio of two figures that are still taken for equal.
const noise = 1.25

// restart is the case of opening a store that has its index.
func (r *run) restart(ctx context.Context) (Table, error) {
	type contender struct {
		topic *filled
		times []float64
	}
	var all []*contender
	for _, open := range []func(context.Context) (*filled, error){r.short, r.middle, r.long} {
		f, err := open(ctx)
		if err != nil {
			return Table{}, err
		}
		all = append(all, &contender{topic: f})
	}
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for _, c := range all {
			settle()
			took, err := reopenStore(ctx, c.topic)
			if err != nil {
				return Table{}, err
			}
			r.say("restart: round %d: %s events: %s", round, thousands(int64(c.topic.events())), Seconds.format(took))
			if round > 0 {
				c.times = append(c.times, took)
			}
		}
	}
	middle, long := all[1], all[2]
	t := Table{
		Title:   fmt.Sprintf("a store of %d partitions opens, its index warm", partitions),
		Columns: []Column{{"Open and Claim", Seconds}},
		Goals: []Goal{
			{
				Text: fmt.Sprintf("%s against %s events", thousands(int64(long.topic.events())),
					thousands(int64(middle.topic.events()))),
				Found: ratios(long.times, middle.times), Want: noise, AtMost: true,
			},
			{
				Text: fmt.Sprintf("with %s events", thousands(int64(long.topic.events()))), Unit: Seconds,
				Found: long.times, Want: 2, AtMost: true,
			},
		},
		Notes: []string{"Open connects, verifies the topics, opens the index and follows; " +
			"Claim claims every partition"},
	}
	for _, c := range all {
		t.Rows = append(t.Rows,
			Row{Contender: thousands(int64(c.topic.events())) + " events", Figures: [][]float64{c.times}})
	}
	return t, nil
}

// reopenStore returns how many seconds Open and Claim take.
func reopenStore(ctx context.Context, f *filled) (took float64, err error) {
	passed := stopwatch()
	s, err := openStore(ctx, f.cfg)
	took = passed().Seconds()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	_, err = timeLoad(ctx, storeHot{s, streamOf(f.streams - 1)})
	return took, err
}
