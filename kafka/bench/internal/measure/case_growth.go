package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

// cacheBound is how much more memory a store with a long index may take than one with a short
// index. It is for the block cache, the data that is not saved, the memtables and the filter. All
// of them are bounded.
const cacheBound = 256 << 20

// growth is the case of appending to a store that has many events already.
func (r *run) growth(ctx context.Context) (Table, error) {
	type contender struct {
		topic        *filled
		rates, bytes []float64
	}
	var all []*contender
	for _, open := range []func(context.Context) (*filled, error){r.short, r.long} {
		f, err := open(ctx)
		if err != nil {
			return Table{}, err
		}
		all = append(all, &contender{topic: f})
	}
	sources := r.newSources(r.size.callers)
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for _, c := range all {
			rate, taken, err := r.growthTurn(ctx, c.topic, sources)
			if err != nil {
				return Table{}, err
			}
			r.say("growth: round %d: %s events: %9.0f events/s, %.0f MiB", round, thousands(int64(c.topic.events())),
				rate, taken/(1<<20))
			if round > 0 {
				c.rates, c.bytes = append(c.rates, rate), append(c.bytes, taken)
			}
		}
	}
	short, long := all[0], all[1]
	more := make([]float64, len(long.bytes))
	for i := range more {
		more[i] = long.bytes[i] - short.bytes[i]
	}
	name := func(c *contender) string { return thousands(int64(c.topic.events())) + " events" }
	t := Table{
		Title: fmt.Sprintf("%s callers append one event each to a new stream of a store that was just opened",
			thousands(int64(r.size.callers))),
		Columns: []Column{{"events/s", Rate}, {"memory", Bytes}},
		Goals: []Goal{
			{Text: "of the rate with " + name(short), Found: ratios(long.rates, short.rates), Want: 0.9},
			{Text: "more memory than with " + name(short), Unit: Bytes, Found: more, Want: cacheBound, AtMost: true},
		},
		Notes: []string{"memory is the growth of the process' resident set from before Open to after the turn, " +
			"callers and all"},
	}
	for _, c := range all {
		t.Rows = append(t.Rows, Row{Contender: name(c), Figures: [][]float64{c.rates, c.bytes}})
	}
	return t, nil
}

// growthTurn opens the store and appends for a turn. It returns the rate and the memory that this
// took.
func (r *run) growthTurn(ctx context.Context, f *filled, sources []*source) (rate, taken float64, err error) {
	debug.FreeOSMemory()
	before, err := resident()
	if err != nil {
		return 0, 0, err
	}
	s, err := openStore(ctx, f.cfg)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	passed := stopwatch()
	n, err := callAll(ctx, sources, r.size.turn, byStore(s))
	if err != nil {
		return 0, 0, err
	}
	rate = float64(n) / passed().Seconds()
	after, err := resident()
	return rate, float64(after - before), err
}

// resident returns the bytes of this process that are in memory. Linux tells them in /proc
// (proc_pid_status(5)).
func resident() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		var kib int64
		if _, err := fmt.Sscanf(string(line), "VmRSS: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/self/status has no VmRSS")
}
