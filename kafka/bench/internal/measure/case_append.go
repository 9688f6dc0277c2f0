package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// appender is a contender of the case append, or of a case of transfers.
type appender struct {
	name    string
	profile string // name of the profiles of its turns; empty if there are none
	// the topic in which its batches are counted; empty if it has none
	topic  string
	turn   func(ctx context.Context, d time.Duration) (int64, error) // appends for a while and returns how many commits
	stored func(ctx context.Context, claimed int64) (int64, error)   // counts the acknowledged commits that are kept
	close  func() error
	ready  func(perBatch float64) // called before a turn with the batch size of the store; may be nil
	events int                    // of a commit; 0 means one
	again  func() int64           // returns how many conflicts there were until now; nil if there are none

	rates, batches, cpu, conflicts []float64 // in commits
	claimed                        int64
}

// Names of contenders, in the tables of several cases.
const (
	nameStore    = "this store"
	nameLimit    = "limit: batches built before"
	nameEncoded  = "limit: also encoded before"
	nameAsync    = "Sarama AsyncProducer, idempotent"
	nameTxn      = "Sarama, a transaction per commit"
	namePostgres = "PostgreSQL"
)

// poolSize is the number of connections to PostgreSQL.
const poolSize = 64

// throughput is the case of a thousand callers. Each appends one event to a new stream, again and
// again.
func (r *run) throughput(ctx context.Context) (t Table, err error) {
	all, err := r.appenders(ctx)
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
		for _, a := range all {
			if a.ready != nil {
				a.ready(perBatch)
			}
			n, err := r.appendTurn(ctx, "append", a, round)
			if err != nil {
				return t, fmt.Errorf("%s: %w", a.name, err)
			}
			if a.name == nameStore {
				perBatch = n
			}
		}
	}
	t = Table{
		Title: fmt.Sprintf("%s callers append one event each to a new stream, %d partitions",
			thousands(int64(r.size.callers)), partitions),
		Columns: []Column{{"events/s", Rate}, {"events per batch", Number}, {"own CPU per event", Seconds}},
		Notes: []string{
			"the limit sends batches of the size that the store had in the same round; " +
				"both have a connection and one batch in flight for each partition",
			fmt.Sprintf("own CPU is this process': the callers', too, but not the servers'; "+
				"a caller takes %s to make an event", r.timeOfEvent().Round(10*time.Nanosecond)),
			fmt.Sprintf("the transactions are spread over %d producers; PostgreSQL has %d connections",
				producersOfTransactions, poolSize),
		},
	}
	rates := make(map[string][]float64)
	for _, a := range all {
		rates[a.name] = a.rates
		row := Row{Contender: a.name, Figures: [][]float64{a.rates, a.batches, a.cpu}, Claimed: a.claimed}
		if err := row.verify(ctx, func() (int64, error) { return a.stored(ctx, a.claimed) }); err != nil {
			return t, err
		}
		t.Rows = append(t.Rows, row)
	}
	t.Goals = []Goal{
		{Text: "of the limit at equal batch sizes", Found: ratios(rates[nameStore], rates[nameLimit]), Want: 0.9},
		{Text: "times AsyncProducer", Found: ratios(rates[nameStore], rates[nameAsync]), Want: 1.5},
		{Text: "times PostgreSQL", Found: ratios(rates[nameStore], rates[namePostgres]), Want: 10},
	}
	return t, nil
}

// timeOfEvent returns the processor time that a caller takes to make an event of a new stream.
func (r *run) timeOfEvent() time.Duration {
	const each = 200
	sources := r.newSources(r.size.callers)
	cpu := cpuTime()
	for range each {
		for _, src := range sources {
			_ = eventstore.To(src.stream(), eventstore.NoStream, src.records(1)...)
		}
	}
	return (cpuTime() - cpu) / time.Duration(each*len(sources))
}

// appendTurn is one turn of a contender. It returns how many commits the contender's batches have.
func (r *run) appendTurn(ctx context.Context, name string, a *appender, round int) (perBatch float64, err error) {
	settle()
	var from, to []int64
	if a.topic != "" {
		if from, err = r.link.ends(a.topic); err != nil {
			return 0, err
		}
	}
	do := func() error {
		passed, cpu, again := stopwatch(), cpuTime(), int64(0)
		if a.again != nil {
			again = a.again()
		}
		n, err := a.turn(ctx, r.size.turn)
		cpu = cpuTime() - cpu
		a.claimed += n
		if round > 0 {
			a.cpu = append(a.cpu, cpu.Seconds()/float64(max(n, 1)))
			a.rates = append(a.rates, float64(n)/passed().Seconds())
			if a.again != nil {
				a.conflicts = append(a.conflicts, float64(a.again()-again)/float64(max(n, 1)))
			}
		}
		r.say("%s: round %d: %-34s %9.0f commits/s", name, round, a.name, float64(n)/passed().Seconds())
		return err
	}
	if a.profile != "" {
		err = r.profiled(a.profile, round, do)
	} else {
		err = do()
	}
	if err != nil || a.topic == "" {
		return 0, err
	}
	if to, err = r.link.ends(a.topic); err != nil {
		return 0, err
	}
	perBatch, err = r.link.perBatch(a.topic, from, to)
	perBatch /= float64(max(a.events, 1))
	if round > 0 {
		a.batches = append(a.batches, perBatch)
	}
	return perBatch, err
}

// appenders opens the contenders, the store first, as the limit follows it. After an error, the
// caller must still close those that it returns.
func (r *run) appenders(ctx context.Context) (all []*appender, err error) {
	sources := r.newSources(r.size.callers)
	for _, open := range []func(context.Context, []*source) (*appender, error){
		r.storeAppender,
		func(ctx context.Context, _ []*source) (*appender, error) {
			return r.limitAppender(ctx, nameLimit, "bench-limit", false)
		},
		func(ctx context.Context, _ []*source) (*appender, error) {
			return r.limitAppender(ctx, nameEncoded, "bench-limit-encoded", true)
		},
		r.asyncAppender, r.txnAppender, r.tableAppender,
	} {
		a, err := open(ctx, sources)
		if err != nil {
			return all, err
		}
		all = append(all, a)
	}
	return all, nil
}

func (r *run) storeAppender(ctx context.Context, sources []*source) (*appender, error) {
	a, s, err := r.newStoreAppender(ctx, "append")
	if err != nil {
		return nil, err
	}
	a.turn = func(ctx context.Context, d time.Duration) (int64, error) {
		return callAll(ctx, sources, d, byStore(s))
	}
	return a, nil
}

// newStoreAppender opens a store of a new topic, and returns what its contender needs but a turn.
func (r *run) newStoreAppender(ctx context.Context, name string) (*appender, *kafka.Store, error) {
	topic, err := r.link.topic(ctx, "bench-"+name, partitions)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := r.link.config(ctx, "bench-"+name, partitions, r.folder(name))
	if err != nil {
		return nil, nil, err
	}
	s, err := openStore(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return &appender{
		name: nameStore, profile: name, topic: topic, close: s.Close,
		stored: func(context.Context, int64) (int64, error) { return r.link.count(topic) },
	}, s, nil
}

func (r *run) limitAppender(ctx context.Context, name, prefix string, encoded bool) (*appender, error) {
	topic, err := r.link.topic(ctx, prefix, partitions)
	if err != nil {
		return nil, err
	}
	l, err := newLimit(ctx, r.link, topic, encoded)
	if err != nil {
		return nil, err
	}
	commit := newStreams(r.source())
	return &appender{
		name: name, topic: topic, turn: l.turn, close: l.close,
		ready:  func(perBatch float64) { l.prepare(max(int(perBatch+0.5), 1), commit) },
		stored: func(context.Context, int64) (int64, error) { return r.link.stored(topic, 0) },
	}, nil
}

func (r *run) asyncAppender(ctx context.Context, sources []*source) (*appender, error) {
	topic, err := r.link.topic(ctx, "bench-async", partitions)
	if err != nil {
		return nil, err
	}
	p, err := newAsyncProducer(r.link.brokers, topic, idempotent())
	if err != nil {
		return nil, err
	}
	return &appender{
		name: nameAsync, topic: topic, close: p.close,
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			return callAll(ctx, sources, d, byProducer(p))
		},
		stored: func(context.Context, int64) (int64, error) { return r.link.stored(topic, 0) },
	}, nil
}

func (r *run) txnAppender(ctx context.Context, sources []*source) (*appender, error) {
	topic, err := r.link.topic(ctx, "bench-txn", partitions)
	if err != nil {
		return nil, err
	}
	p, err := newTransactions(r.link.brokers, topic)
	if err != nil {
		return nil, err
	}
	return &appender{
		name: nameTxn, topic: topic, close: p.close,
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			return callAll(ctx, sources, d, byProducer(p))
		},
		stored: func(_ context.Context, claimed int64) (int64, error) { return r.link.stored(topic, claimed) },
	}, nil
}

func (r *run) tableAppender(ctx context.Context, sources []*source) (*appender, error) {
	t, err := postgres.NewTable(ctx, r.pg, "append", poolSize, nil)
	if err != nil {
		return nil, err
	}
	return &appender{
		name: namePostgres, close: func() error { return t.Close(context.WithoutCancel(ctx)) },
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			return callAll(ctx, sources, d, byTable(t))
		},
		stored: func(ctx context.Context, _ int64) (int64, error) { return t.Count(ctx) },
	}, nil
}
