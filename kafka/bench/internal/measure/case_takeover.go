package measure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/internal/index"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/connection"
	"github.com/fencelog/fencelog/kafka/internal/partition"
)

// The time between two takeovers. After its answer to a claim the coordinator has more to do for
// it. On brokers that are asked nothing else, that lasts up to half a second. A claim that comes
// earlier asks twice.
const (
	restBetween  = 500 * time.Millisecond
	shortBetween = 50 * time.Millisecond
)

// takeover is the case of a partition that goes from one owner to another.
func (r *run) takeover(ctx context.Context) (t Table, err error) {
	h, err := r.newHandover(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	rows := []struct {
		name  string
		rest  time.Duration
		do    func(context.Context) (time.Duration, error)
		times []time.Duration
		p50   []float64
		p99   []float64
	}{
		{name: "claim alone", rest: restBetween, do: h.claim},
		{name: "limit: the requests of a claim, on connections that are kept", rest: restBetween, do: h.limit.claim},
		{name: "claim alone, soon after the one before", rest: shortBetween, do: h.claim},
		{
			name: "graceful: an owner closes, another that runs already claims and appends", rest: shortBetween,
			do: h.between,
		},
		{name: "graceful: a store closes, another process' opens and appends", rest: shortBetween, do: h.reopen},
	}
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for i := range rows {
			row := &rows[i]
			for range r.size.claims {
				if err := clock.Wait(ctx, row.rest); err != nil {
					return t, err
				}
				took, err := row.do(ctx)
				if err != nil {
					return t, fmt.Errorf("%s: %w", row.name, err)
				}
				row.times = append(row.times, took)
			}
			p50, p99 := quantile(row.times, 0.50), quantile(row.times, 0.99)
			r.say("takeover: round %d: %-70s p50 %s", round, row.name, Seconds.format(p50))
			if round > 0 {
				row.p50, row.p99 = append(row.p50, p50), append(row.p99, p99)
			}
			row.times = nil
		}
	}
	t = Table{
		Title:   "one partition goes from one owner to the next, its index warm",
		Columns: []Column{{"p50", Seconds}, {"p99", Seconds}},
		Notes: []string{
			fmt.Sprintf("%d takeovers of each kind in a round; the new owner reads what the former one wrote since "+
				"it last had the partition", r.size.claims),
			fmt.Sprintf("%v between two takeovers, %v in the last three rows: "+
				"such a claim meets the end of the transaction before, "+
				"and ends it by asking", restBetween, shortBetween),
		},
		Goals: []Goal{
			{Text: "p50 of a claim alone", Unit: Seconds, Found: rows[0].p50, Want: 0.015, AtMost: true},
			{
				Text: "p50 of a graceful takeover between two that run", Unit: Seconds, Found: rows[3].p50, Want: 0.050,
				AtMost: true,
			},
			{
				Text: "p50 of a graceful takeover, with connecting and opening", Unit: Seconds, Found: rows[4].p50,
				Want: 0.050, AtMost: true,
			},
		},
	}
	for _, row := range rows {
		t.Rows = append(t.Rows, Row{Contender: row.name, Figures: [][]float64{row.p50, row.p99}})
	}
	return t, nil
}

// handover has two sides that take a partition from each other. It has them twice: as a
// [partition.Partition], below any store, and as stores.
type handover struct {
	src     *source
	limit   *claimLimit
	sides   [2]*side
	current int
	owner   *partition.Partition // of the side current

	stores       [2]kafka.Config
	store        *kafka.Store
	currentStore int
}

// side is one of two processes, as far as a partition sees it.
type side struct {
	cfg   partition.Config
	index *index.Store
}

// newHandover makes the topics, and makes the first of the two sides own its partition.
func (r *run) newHandover(ctx context.Context) (*handover, error) {
	h := &handover{src: r.source()}
	const name = "bench-claims"
	topic, err := r.link.topic(ctx, name, 1)
	if err != nil {
		return nil, err
	}
	for i := range h.sides {
		client, err := connect(r.link.brokers)
		if err != nil {
			return nil, errors.Join(err, h.close())
		}
		h.sides[i] = &side{cfg: partition.Config{
			Client: client, Topic: topic, Partitions: 1, Category: category, TransactionalID: name,
			Logger: slog.New(slog.DiscardHandler), RequestTimeout: connection.DefaultRequestTimeout,
			RenewEvery: kafka.DefaultClaimRenewal, MaxBatchBytes: kafka.DefaultMaxBatchBytes,
			Codec:      sarama.CompressionLZ4,
			MaxWaiting: kafka.DefaultMaxWaitingCommits, MaxWaitingBytes: kafka.DefaultMaxWaitingBytes,
		}}
		s := h.sides[i]
		id := index.Identity{Topics: map[string]index.Topic{s.cfg.Topic: {Partitions: 1}}}
		if s.index, err = index.Open("", id, s.cfg.Logger); err != nil {
			return nil, errors.Join(err, h.close())
		}
		if s.cfg.Index, err = s.index.Partition(s.cfg.Topic, 0); err != nil {
			return nil, errors.Join(err, h.close())
		}
	}
	for i := range h.stores {
		folder := r.folder(fmt.Sprintf("takeover-%d", i))
		if h.stores[i], err = r.link.config(ctx, "bench-takeover", 1, folder); err != nil {
			return nil, errors.Join(err, h.close())
		}
	}
	if h.owner, err = own(ctx, h.sides[0].cfg); err == nil {
		h.store, err = openStore(ctx, h.stores[0])
	}
	if err == nil {
		h.limit, err = newClaimLimit(ctx, r.link, "bench-claim-limit")
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *handover) close() error {
	var errs []error
	if h.owner != nil {
		h.owner.Close()
	}
	if h.limit != nil {
		errs = append(errs, h.limit.close())
	}
	for _, s := range h.sides {
		if s == nil {
			continue
		}
		errs = append(errs, s.cfg.Client.Close())
		if s.index != nil {
			errs = append(errs, s.index.Close())
		}
	}
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	return errors.Join(errs...)
}

// claim times a claim of the partition from an owner that does nothing.
func (h *handover) claim(ctx context.Context) (time.Duration, error) {
	next := 1 - h.current
	passed := stopwatch()
	owner, err := own(ctx, h.sides[next].cfg)
	took := passed()
	if err != nil {
		return 0, err
	}
	h.owner.Close()
	h.owner, h.current = owner, next
	return took, nil
}

// between times the way from closing an owner to an acknowledged append of the other.
func (h *handover) between(ctx context.Context) (time.Duration, error) {
	commit := func() eventstore.Commit {
		return eventstore.To(h.src.stream(), eventstore.NoStream, h.src.records(1)...)
	}
	if _, err := h.owner.Append(ctx, commit(), nil); err != nil {
		return 0, err
	}
	next := 1 - h.current
	passed := stopwatch()
	h.owner.Close()
	owner, err := own(ctx, h.sides[next].cfg)
	if err != nil {
		return 0, err
	}
	h.owner, h.current = owner, next
	_, err = owner.Append(ctx, commit(), nil)
	return passed(), err
}

// reopen times the way from closing a store to an acknowledged append of another one. Each has its
// own index.
func (h *handover) reopen(ctx context.Context) (time.Duration, error) {
	if _, err := h.store.Append(ctx,
		eventstore.To(h.src.stream(), eventstore.NoStream, h.src.records(1)...)); err != nil {
		return 0, err
	}
	passed := stopwatch()
	if err := h.store.Close(); err != nil {
		return 0, err
	}
	h.currentStore = 1 - h.currentStore
	var err error
	if h.store, err = openStore(ctx, h.stores[h.currentStore]); err != nil {
		return 0, err
	}
	_, err = h.store.Append(ctx, eventstore.To(h.src.stream(), eventstore.NoStream, h.src.records(1)...))
	return passed(), err
}

// own claims the partition and returns it.
func own(ctx context.Context, cfg partition.Config) (*partition.Partition, error) {
	p := partition.New(cfg)
	if err := p.Own(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}
