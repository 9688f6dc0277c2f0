package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
	"github.com/fencelog/fencelog/kafka/kafkatest"
	"github.com/fencelog/fencelog/schema/registry"
)

// run is one run of the benchmark.
type run struct {
	cfg     Config
	size    sizes
	dir     string // for indexes and the database, removed at the end
	cluster *kafkatest.Cluster
	pg      *postgres.Server
	link    *cluster
	values  [][]byte
	sources uint64             // made so far
	filled  map[string]*filled // topics that hold streams of ten events, by name; several cases use them
	passed  func() (elapsed string)

	branches map[string]*branch // by name; several cases use them
	schemas  *registry.Memory   // of the events of accounts
}

// benchCase is one case of the benchmark.
type benchCase struct {
	name string
	do   func(*run, context.Context) (Table, error)
}

func allCases() []benchCase {
	return []benchCase{
		{"append", (*run).throughput},
		{"bulk", (*run).bulk},
		{"bulk-short", (*run).bulkShort},
		{"single", (*run).latency},
		{"hot", (*run).hot},
		{"transfer", (*run).transfers},
		{"transfer-ledger", (*run).transfersInOne},
		{"transfer-hot", (*run).transfersHot},
		{"transfer-single", (*run).transfersOfOne},
		{"command", (*run).commands},
		{manyAccounts, (*run).commandsMany},
		{"command-single", (*run).commandOfOne},
		{"command-length", (*run).commandLengths},
		{"command-first", (*run).commandFirst},
		{"command-refusal", (*run).commandRefusal},
		{"refusal", (*run).refusal},
		{"takeover", (*run).takeover},
		{"load", (*run).load},
		{"rebuild", (*run).rebuild},
		{"restart", (*run).restart},
		{"growth", (*run).growth},
	}
}

// Cases returns the names of all cases.
func Cases() []string {
	var names []string
	for _, c := range allCases() {
		names = append(names, c.name)
	}
	return names
}

// Run measures what cfg says, on brokers and a database server that it starts and stops. It needs
// what package kafkatest needs. It also needs initdb and postgres of PostgreSQL 15 or later on the
// PATH. Run fails if something could not be measured, or if a contender lost an event. Then the
// report has the tables that were done before.
func Run(ctx context.Context, cfg Config) (report *Report, err error) {
	cfg, err = cfg.complete()
	if err != nil {
		return nil, err
	}
	watch := stopwatch()
	r := &run{
		cfg: cfg, size: cfg.sizes(), values: newValues(cfg.Seed), filled: make(map[string]*filled),
		branches: make(map[string]*branch), schemas: registry.NewMemory(),
	}
	r.passed = func() string { return fmt.Sprintf("%5.0f s", watch().Seconds()) }
	report = &Report{
		Kafka: cfg.Kafka, Rounds: cfg.Rounds, Events: cfg.Events, Quick: cfg.Quick, Seed: cfg.Seed,
		Machine: fmt.Sprintf("%d cores", runtime.NumCPU()),
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	if report.Postgres, err = r.pg.Version(ctx); err != nil {
		return nil, err
	}
	for _, name := range cfg.Cases {
		for _, c := range allCases() {
			if c.name != name {
				continue
			}
			t, err := c.do(r, ctx)
			if err != nil {
				return report, fmt.Errorf("case %s: %w", name, err)
			}
			t.Case = name
			report.Tables = append(report.Tables, t)
			t.print(cfg.Progress)
		}
	}
	report.Took = watch()
	return report, nil
}

func (r *run) start(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp("", "fencelog-bench-"); err != nil {
		return err
	}
	if err := os.Chmod(r.dir, 0o755); err != nil { // the database's user passes through it
		return err
	}
	if r.cluster, err = kafkatest.Start(ctx,
		kafkatest.Config{Version: r.cfg.Kafka, Progress: r.cfg.Progress}); err != nil {
		return err
	}
	if r.pg, err = postgres.Start(ctx, r.dir); err != nil {
		return err
	}
	r.link, err = connect(r.cluster.Brokers())
	return err
}

// stop stops everything that start has started.
func (r *run) stop() error {
	var errs []error
	if r.link != nil {
		errs = append(errs, r.link.Close())
	}
	if r.pg != nil {
		errs = append(errs, r.pg.Stop())
	}
	if r.cluster != nil {
		errs = append(errs, r.cluster.Stop())
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// say prints a line of progress.
func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.cfg.Progress, "bench: %s  %s\n", r.passed(), fmt.Sprintf(format, args...))
}

// source returns a new source of events.
func (r *run) source() *source {
	r.sources++
	return newSource(r.values, r.cfg.Seed, r.sources, clock.Now())
}

// newSources returns n sources.
func (r *run) newSources(n int) []*source {
	all := make([]*source, n)
	for i := range all {
		all[i] = r.source()
	}
	return all
}

// folder returns the path of a folder for the index of that name.
func (r *run) folder(name string) string { return filepath.Join(r.dir, "index-"+name) }

// settle collects the garbage of one contender, so that it does not burden the next one.
func settle() { runtime.GC() }
