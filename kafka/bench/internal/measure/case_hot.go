package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// hotStream is one stream of a contender.
type hotStream interface {
	// load calls each with the stream's events from a version on. It returns a function that
	// appends behind them. That function fails with eventstore.ErrConflict if another event came
	// between.
	load(ctx context.Context, from int64, each func(*eventstore.Record)) (appendBehind, error)
}

type appendBehind func(ctx context.Context, r []eventstore.Record) error

// storeHot decides on what is queued, as aggregate.Repository does.
type storeHot struct {
	store  *kafka.Store
	stream eventstore.Stream
}

func (h storeHot) load(ctx context.Context, from int64, each func(*eventstore.Record)) (appendBehind, error) {
	all, at := h.store.ReadQueued(ctx, h.stream.At(from-1))
	for r, err := range all {
		if err != nil {
			return nil, err
		}
		each(&r)
	}
	return func(ctx context.Context, r []eventstore.Record) error {
		_, err := h.store.Append(ctx, at.Commit(r...))
		return err
	}, nil
}

// storeLoad reads what is stored.
type storeLoad struct {
	store  *kafka.Store
	stream eventstore.Stream
}

func (h storeLoad) load(ctx context.Context, from int64, each func(*eventstore.Record)) (appendBehind, error) {
	for r, err := range h.store.ReadStream(ctx, h.stream, from) {
		if err != nil {
			return nil, err
		}
		each(&r)
	}
	return nil, nil
}

type tableHot struct {
	table  *postgres.Table
	stream string
}

func (h tableHot) load(ctx context.Context, from int64, each func(*eventstore.Record)) (appendBehind, error) {
	version := from - 1
	err := h.table.Load(ctx, h.stream, from, func(r *eventstore.Record) {
		version = r.AggregateVersion
		each(r)
	})
	return func(ctx context.Context, r []eventstore.Record) error {
		return h.table.Append(ctx, h.stream, version+1, &r[0])
	}, err
}

// snapshot is the state of the hot stream as the process last saw it. The callers share it, as they
// would share a cache of snapshots. They load only the events after it.
type snapshot struct {
	mu    sync.Mutex
	state hotState
}

type hotState struct {
	version int64
	event   string // id of the last event: it shows if the snapshot has a queued event that was not stored after all
	bytes   int64  // of all values: the decision rests on it
}

func (s *snapshot) get() hotState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *snapshot) put(state hotState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state.version > s.state.version {
		s.state = state
	}
}

func (s *snapshot) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = hotState{}
}

// hotContender is a contender of the case hot.
type hotContender struct {
	name     string
	stream   hotStream
	mayFail  bool // loaded events may not be stored after all
	snapshot snapshot
	stored   func() (int64, error)

	claimed          int64
	rates, conflicts []float64
}

// hot is the case of one stream. All callers load it, decide on it and append to it. After a
// conflict they begin again.
func (r *run) hot(ctx context.Context) (t Table, err error) {
	cfg, err := r.link.config(ctx, "bench-hot", partitions, r.folder("hot"))
	if err != nil {
		return t, err
	}
	store, err := openStore(ctx, cfg)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	table, err := postgres.NewTable(ctx, r.pg, "hot", r.size.deciders, nil)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, table.Close(context.WithoutCancel(ctx))) }()
	stream := r.source().stream()
	topic, err := r.link.topic(ctx, "bench-hot", partitions)
	if err != nil {
		return t, err
	}
	all := []*hotContender{
		{name: nameStore, stream: storeHot{store, stream}, mayFail: true, stored: func() (int64, error) {
			return r.link.count(topic)
		}},
		{name: namePostgres, stream: tableHot{table, stream.ID}, stored: func() (int64, error) {
			return table.Count(ctx)
		}},
	}
	sources := r.newSources(r.size.deciders)
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for _, c := range all {
			settle()
			turn := func() error { return r.hotTurn(ctx, c, sources, round) }
			if c.name == nameStore {
				err = r.profiled("hot", round, turn)
			} else {
				err = turn()
			}
			if err != nil {
				return t, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	t = Table{
		Title: fmt.Sprintf("%d callers load one stream, decide, append one event, and start over after a conflict",
			r.size.deciders),
		Columns: []Column{{"events/s", Rate}, {"conflicts per event", Number}},
		Notes: []string{
			"the callers of a process share a snapshot and load what came after it",
			"this store's callers decide on what is queued in their process, and are answered when it is stored, " +
				"as aggregate.Repository has it",
		},
		Goals: []Goal{{Text: "times PostgreSQL", Found: ratios(all[0].rates, all[1].rates), Want: 20}},
	}
	for _, c := range all {
		row := Row{Contender: c.name, Figures: [][]float64{c.rates, c.conflicts}, Claimed: c.claimed}
		if err := row.verify(ctx, c.stored); err != nil {
			return t, err
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

func (r *run) hotTurn(ctx context.Context, c *hotContender, sources []*source, round int) error {
	passed := stopwatch()
	group, gctx := errgroup.WithContext(ctx)
	appended, conflicts := make([]int64, len(sources)), make([]int64, len(sources))
	for i, src := range sources {
		group.Go(func() error {
			for passed() < r.size.turn {
				again, err := c.update(gctx, src)
				if err != nil {
					return err
				}
				appended[i]++
				conflicts[i] += again
			}
			return nil
		})
	}
	err := group.Wait()
	took := passed().Seconds()
	var n, again int64
	for i := range sources {
		n, again = n+appended[i], again+conflicts[i]
	}
	c.claimed += n
	if round > 0 {
		c.rates = append(c.rates, float64(n)/took)
		c.conflicts = append(c.conflicts, float64(again)/float64(max(n, 1)))
	}
	r.say("hot: round %d: %-34s %9.0f events/s, %.1f conflicts per event", round, c.name, float64(n)/took,
		float64(again)/float64(max(n, 1)))
	return err
}

// update loads, decides and appends until there is no conflict, and returns how many there were.
func (c *hotContender) update(ctx context.Context, src *source) (conflicts int64, err error) {
	for ; ; conflicts++ {
		appendBehind, err := c.newest(ctx)
		if err == nil {
			err = appendBehind(ctx, src.records(1))
		}
		if err == nil || !errors.Is(err, eventstore.ErrConflict) {
			return conflicts, err
		}
	}
}

var errStaleSnapshot = fmt.Errorf("the snapshot rests on an event that was not stored: %w", eventstore.ErrConflict)

// newest makes the state from the snapshot and the events after it. If the snapshot may have events
// that are not stored after all, newest reads its last event again.
func (c *hotContender) newest(ctx context.Context) (appendBehind, error) {
	state := c.snapshot.get()
	from, seen, gap := state.version+1, true, false
	if c.mayFail && state.version > 0 {
		from, seen = state.version, false
	}
	appendBehind, err := c.stream.load(ctx, from, func(r *eventstore.Record) {
		if r.AggregateVersion == state.version {
			seen = r.ID == state.event
			return
		}
		gap = gap || r.AggregateVersion != state.version+1
		state = hotState{r.AggregateVersion, r.ID, state.bytes + int64(len(r.Value))}
	})
	switch {
	case err != nil:
		return nil, err
	case !seen:
		c.snapshot.forget()
		return nil, errStaleSnapshot
	case gap:
		return nil, fmt.Errorf("a version is missing before %d", state.version)
	}
	c.snapshot.put(state)
	return appendBehind, nil
}
