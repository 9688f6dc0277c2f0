package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/kafka/internal/wire"
)

// rebuildBytes is the most that a fetch of the bare readers brings. The store's fetches are as
// large.
const rebuildBytes = 4 << 20

// rebuildEnough is the number of events from which on the time of claims does not matter.
const rebuildEnough = 200_000

// rebuild is the case of an index that was deleted.
func (r *run) rebuild(ctx context.Context) (Table, error) {
	f, err := r.middle(ctx)
	if err != nil {
		return Table{}, err
	}
	all := []struct {
		name  string
		do    func(context.Context) (time.Duration, error)
		rates []float64
	}{
		{name: nameStore, do: func(ctx context.Context) (time.Duration, error) { return r.rebuildStore(ctx, f) }},
		{name: "bare Fetch, records decoded to events", do: func(ctx context.Context) (time.Duration, error) {
			return r.readAll(ctx, f, true)
		}},
		{name: "bare Fetch, Sarama's decoding alone", do: func(ctx context.Context) (time.Duration, error) {
			return r.readAll(ctx, f, false)
		}},
	}
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for i := range all {
			c := &all[i]
			settle()
			var took time.Duration
			turn := func() (err error) {
				took, err = c.do(ctx)
				return err
			}
			if c.name == nameStore {
				err = r.profiled("rebuild", round, turn)
			} else {
				err = turn()
			}
			if err != nil {
				return Table{}, fmt.Errorf("%s: %w", c.name, err)
			}
			rate := float64(f.events()) / took.Seconds()
			r.say("rebuild: round %d: %-38s %9.0f events/s", round, c.name, rate)
			if round > 0 {
				c.rates = append(c.rates, rate)
			}
		}
	}
	t := Table{
		Title: fmt.Sprintf("the index of %s events in %d partitions is made again from the topic",
			thousands(int64(f.events())), partitions),
		Columns: []Column{{"events/s", Rate}},
		Goals: []Goal{{
			Text: "of bare Fetch and decoding to events", Found: ratios(all[0].rates, all[1].rates),
			Want: 0.5,
		}},
		Notes: []string{"this store's time is that of Open and Claim with an empty folder: " +
			"connecting and claiming are in it"},
	}
	if f.events() < rebuildEnough {
		t.Notes = append(t.Notes, fmt.Sprintf("fewer than %s events: connecting and claiming "+
			"weigh too much to judge by it", thousands(rebuildEnough)))
	}
	for _, c := range all {
		t.Rows = append(t.Rows, Row{Contender: c.name, Figures: [][]float64{c.rates}})
	}
	return t, nil
}

// rebuildStore opens the store with an empty folder and checks that the index is whole.
func (r *run) rebuildStore(ctx context.Context, f *filled) (took time.Duration, err error) {
	cfg := f.cfg
	cfg.IndexDir = r.folder("rebuild")
	passed := stopwatch()
	s, err := openStore(ctx, cfg)
	if err != nil {
		return 0, err
	}
	took = passed()
	defer func() { err = errors.Join(err, s.Close(), os.RemoveAll(cfg.IndexDir)) }()
	_, err = timeLoad(ctx, storeLoad{s, streamOf(f.streams - 1)})
	return took, err
}

// readAll fetches all partitions at the same time, each over a separate connection.
func (r *run) readAll(ctx context.Context, f *filled, events bool) (time.Duration, error) {
	ends, err := r.link.ends(f.topic)
	if err != nil {
		return 0, err
	}
	passed := stopwatch()
	counts := make([]int, len(ends))
	group, ctx := errgroup.WithContext(ctx)
	for p, end := range ends {
		group.Go(func() (err error) {
			b, err := r.link.dial(f.topic, int32(p))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			for next := int64(0); next < end && ctx.Err() == nil; {
				block, err := fetch(b, f.topic, int32(p), next, rebuildBytes)
				if err != nil {
					return err
				}
				n, after, err := decodeAll(block, next, events)
				if err != nil {
					return err
				}
				next, counts[p] = after, counts[p]+n
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	took := passed()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if sum != f.events() {
		return 0, fmt.Errorf("the topic of %d events has %d records", f.events(), sum)
	}
	return took, nil
}

// decodeAll counts the records of a fetch, decodes them to events if asked to, and returns the
// offset after them.
func decodeAll(block *sarama.FetchResponseBlock, next int64, events bool) (n int, after int64, err error) {
	for _, set := range block.RecordsSet {
		b := set.RecordBatch
		if b == nil || b.PartialTrailingRecord {
			break
		}
		next = b.LastOffset() + 1
		if b.Control {
			continue
		}
		n += len(b.Records)
		for _, raw := range b.Records {
			if !events {
				break
			}
			if _, err := wire.Decode(raw); err != nil {
				return n, next, err
			}
		}
	}
	return n, next, nil
}
