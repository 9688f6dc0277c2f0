package measure

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// filled is a topic of streams of ten events each, and the index that its store left.
type filled struct {
	streams int
	topic   string
	cfg     kafka.Config
}

func (f *filled) events() int { return f.streams * perStream }

// The topics that are filled: with all the events that the configuration asks for, with a tenth,
// and with a hundredth.
func (r *run) long(ctx context.Context) (*filled, error) { return r.fill(ctx, "long", r.cfg.Events) }

func (r *run) middle(ctx context.Context) (*filled, error) {
	return r.fill(ctx, "middle", r.cfg.Events/10)
}

func (r *run) short(ctx context.Context) (*filled, error) {
	return r.fill(ctx, "short", r.cfg.Events/100)
}

// fillers is how many goroutines append at the same time, each one stream after the other.
const fillers = 256

// fill returns the topic of that name. The first call fills it through the store, because records
// that are written past the store would not count.
func (r *run) fill(ctx context.Context, name string, events int) (f *filled, err error) {
	if f := r.filled[name]; f != nil {
		return f, nil
	}
	f = &filled{streams: events / perStream}
	prefix := "bench-" + name
	if f.cfg, err = r.link.config(ctx, prefix, partitions, r.folder(name)); err != nil {
		return nil, err
	}
	if f.topic, err = r.link.topic(ctx, prefix, partitions); err != nil {
		return nil, err
	}
	s, err := openStore(ctx, f.cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	passed := stopwatch()
	var next atomic.Int64
	group, gctx := errgroup.WithContext(ctx)
	for _, src := range r.newSources(fillers) {
		group.Go(func() error {
			for {
				k := int(next.Add(1)) - 1
				if k >= f.streams {
					return nil
				}
				if _, err := s.Append(gctx,
					eventstore.To(streamOf(k), eventstore.NoStream, src.records(perStream)...)); err != nil {
					return err
				}
				if step := max(f.streams/10, 1); (k+1)%step == 0 {
					r.say("fill %s: %s of %s events", name, thousands(int64(k+1)*perStream),
						thousands(int64(f.events())))
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	r.say("fill %s: done, %.0f events/s in commits of %d", name, float64(f.events())/passed().Seconds(), perStream)
	r.filled[name] = f
	return f, nil
}

// streamOf returns the stream of that number among those that are filled.
func streamOf(k int) eventstore.Stream {
	a, b := mix(uint64(k)), mix(^uint64(k))
	return eventstore.Stream{
		Category: category,
		ID:       fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff),
	}
}

// mix is SplitMix64's output function. It makes ids in no order, each once.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fillTable returns a table with the same streams.
func (r *run) fillTable(ctx context.Context, name string, streams, connections int) (*postgres.Table, error) {
	src := r.source()
	k := 0
	var left []eventstore.Record
	passed := stopwatch()
	rows := pgx.CopyFromFunc(func() ([]any, error) {
		if len(left) == 0 {
			if k == streams {
				return nil, nil
			}
			left = placed(streamOf(k), src.records(perStream))
			if k++; k%max(streams/10, 1) == 0 {
				r.say("fill PostgreSQL: %s of %s events", thousands(int64(k)*perStream),
					thousands(int64(streams)*perStream))
			}
		}
		row := postgres.Row(&left[0])
		left = left[1:]
		return row, nil
	})
	t, err := postgres.NewTable(ctx, r.pg, name, connections, rows)
	r.say("fill PostgreSQL: done after %.0f s", passed().Seconds())
	return t, err
}
