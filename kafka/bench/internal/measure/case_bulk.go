package measure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

const (
	listers   = 4      // callers that append lists
	longList  = 10_000 // commits in each list of an import
	shortList = 1_000  // and in one that an API takes
)

// bulk is the case of a few callers. Each appends a long list of commits to new streams, again and
// again. Beside them, a thousand callers append one commit each.
func (r *run) bulk(ctx context.Context) (Table, error) { return r.bulkOf(ctx, "bulk", longList, 3) }

// bulkShort is the same with shorter lists.
func (r *run) bulkShort(ctx context.Context) (Table, error) {
	return r.bulkOf(ctx, "bulk-short", shortList, 0)
}

// bulkOf is the case of that name, with lists of that length. The lists should go in at so many
// times the rate of the thousand callers; there is no goal if want is 0.
func (r *run) bulkOf(ctx context.Context, name string, length int, want float64) (t Table, err error) {
	all, err := r.bulkAppenders(ctx, name, length)
	defer func() {
		for _, a := range all {
			err = errors.Join(err, a.close())
		}
	}()
	if err != nil {
		return t, err
	}
	var perBatch float64
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for i, a := range all {
			if a.ready != nil {
				a.ready(perBatch)
			}
			n, err := r.appendTurn(ctx, name, a, round)
			if err != nil {
				return t, fmt.Errorf("%s: %w", a.name, err)
			}
			if i == 0 {
				perBatch = n
			}
		}
	}
	t = Table{
		Title: fmt.Sprintf("%d callers append lists of %s commits, one event each to a new stream, %d partitions",
			listers, thousands(int64(length)), partitions),
		Columns: []Column{{"events/s", Rate}, {"events per batch", Number}, {"own CPU per event", Seconds}},
		Notes: []string{
			"a list is one call, and each of its commits gets an answer of its own",
			"the limit sends batches of the size that the lists had in the same round",
			"PostgreSQL inserts a list with one statement, which says which events it has stored; " +
				"it has a connection for each caller",
		},
	}
	for _, a := range all {
		row := Row{Contender: a.name, Figures: [][]float64{a.rates, a.batches, a.cpu}, Claimed: a.claimed}
		if err := row.verify(ctx, func() (int64, error) { return a.stored(ctx, a.claimed) }); err != nil {
			return t, err
		}
		t.Rows = append(t.Rows, row)
	}
	lists, single, limit, table := all[0].rates, all[1].rates, all[2].rates, all[3].rates
	times := fmt.Sprintf("times %s callers", thousands(int64(r.size.callers)))
	if want > 0 {
		t.Goals = []Goal{{Text: times, Found: ratios(lists, single), Want: want}}
	} else {
		t.Ratios = []Ratio{{Text: times, Found: ratios(lists, single)}}
	}
	t.Ratios = append(t.Ratios,
		Ratio{Text: "of the limit at equal batch sizes", Found: ratios(lists, limit)},
		Ratio{Text: "times PostgreSQL", Found: ratios(lists, table)})
	return t, nil
}

// bulkAppenders opens the contenders: the lists, single commits, the limit, which follows the
// lists, and the database. After an error, the caller must still close those that it returns.
func (r *run) bulkAppenders(ctx context.Context, name string, length int) (all []*appender, err error) {
	sources := r.newSources(listers)
	lists, listed, err := r.newStoreAppender(ctx, name)
	if err != nil {
		return nil, err
	}
	lists.name = nameStore + ", lists"
	lists.turn = func(ctx context.Context, d time.Duration) (int64, error) {
		return listAll(ctx, sources, length, d, listOfStore(listed))
	}
	all = append(all, lists)
	callers := r.newSources(r.size.callers)
	single, s, err := r.newStoreAppender(ctx, name+"-single")
	if err != nil {
		return all, err
	}
	single.name = fmt.Sprintf("%s, %s callers", nameStore, thousands(int64(r.size.callers)))
	single.turn = func(ctx context.Context, d time.Duration) (int64, error) {
		return callAll(ctx, callers, d, byStore(s))
	}
	all = append(all, single)
	limit, err := r.limitAppender(ctx, nameLimit, "bench-"+name+"-limit", false)
	if err != nil {
		return all, err
	}
	all = append(all, limit)
	table, err := postgres.NewTable(ctx, r.pg, strings.ReplaceAll(name, "-", "_"), listers, nil)
	if err != nil {
		return all, err
	}
	return append(all, &appender{
		name: namePostgres + ", lists", close: func() error { return table.Close(context.WithoutCancel(ctx)) },
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			return listAll(ctx, sources, length, d, listOfTable(table))
		},
		stored: func(ctx context.Context, _ int64) (int64, error) { return table.Count(ctx) },
	}), nil
}

// appendList makes a list of commits of that length, each an event of a new stream.
type appendList func(ctx context.Context, src *source, length int) error

// listAll runs one caller for each source. Each appends one list after the other for the time
// given. listAll returns how many commits were acknowledged.
func listAll(
	ctx context.Context, sources []*source, length int, d time.Duration, do appendList,
) (int64, error) {
	counts := make([]int64, len(sources))
	passed := stopwatch()
	group, ctx := errgroup.WithContext(ctx)
	for i, src := range sources {
		group.Go(func() error {
			for passed() < d {
				if err := do(ctx, src, length); err != nil {
					return err
				}
				counts[i] += int64(length)
			}
			return nil
		})
	}
	err := group.Wait()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

func listOfStore(s *kafka.Store) appendList {
	return func(ctx context.Context, src *source, length int) error {
		list := make([]eventstore.Commit, length)
		for i := range list {
			list[i] = eventstore.To(src.stream(), eventstore.NoStream, src.records(1)...)
		}
		for _, a := range s.AppendEach(ctx, list) {
			if a.Err != nil {
				return a.Err
			}
			if a.Result.Last() != 1 || a.Result.Repeated {
				return fmt.Errorf("a new stream is at version %d after one event", a.Result.Last())
			}
		}
		return nil
	}
}

func listOfTable(t *postgres.Table) appendList {
	return func(ctx context.Context, src *source, length int) error {
		list := make([]eventstore.Record, length)
		for i := range list {
			list[i] = placed(src.stream(), src.records(1))[0]
		}
		stored, err := t.AppendEach(ctx, list)
		if err == nil && len(stored) != len(list) {
			err = fmt.Errorf("%d of %d events of new streams are stored", len(stored), len(list))
		}
		return err
	}
}
