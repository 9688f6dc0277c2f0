package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// movement is a case of transfers: which accounts there are, and how many callers move money.
type movement struct {
	name    string // of the case
	title   string
	ledgers int
	hot     bool
	parts   int32 // of the topic
	callers []int
	want    float64 // times PostgreSQL; 0 if there is no goal
}

const manyLedgers = 100

// transfers is the case of transfers in many ledgers.
func (r *run) transfers(ctx context.Context) (Table, error) {
	const want = 1.5
	return r.move(ctx, movement{
		name: "transfer", title: fmt.Sprintf("transfers within %d ledgers, %d partitions", manyLedgers, partitions),
		ledgers: manyLedgers, parts: partitions, callers: []int{r.size.callers}, want: want,
	})
}

// transfersInOne is the case of transfers in one ledger.
func (r *run) transfersInOne(ctx context.Context) (Table, error) {
	return r.move(ctx, movement{
		name: "transfer-ledger", title: "transfers within one ledger, one partition",
		ledgers: 1, parts: 1, callers: []int{r.size.callers},
	})
}

// transfersHot is the case of transfers into one account.
func (r *run) transfersHot(ctx context.Context) (Table, error) {
	const want = 5
	return r.move(ctx, movement{
		name: "transfer-hot", title: "transfers that all pay into one account, one partition",
		ledgers: 1, hot: true, parts: 1, callers: []int{r.size.deciders, r.size.callers}, want: want,
	})
}

// move measures the store, the limit and PostgreSQL with each number of callers.
func (r *run) move(ctx context.Context, m movement) (t Table, err error) {
	a := newAccountBook(r.size.accounts, m.ledgers, m.hot)
	t = Table{
		Title: fmt.Sprintf("%s, %s accounts", m.title, thousands(int64(len(a.ids)))),
		Columns: []Column{
			{"transfers/s", Rate},
			{"transfers per batch", Number},
			{"conflicts per transfer", Number},
			{"own CPU per transfer", Seconds},
		},
		Notes: append(transferNotes(), fmt.Sprintf("PostgreSQL has %d connections", poolSize)),
	}
	for _, callers := range m.callers {
		if err := r.moveBy(ctx, m, a, callers, &t); err != nil {
			return t, err
		}
	}
	return t, nil
}

// transferNotes say what a transfer is.
func transferNotes() []string {
	return []string{
		"a transfer through this store reads the last event of both accounts, with what is queued; " +
			"it reads on from the last version that a decision of the process has seen",
		"it decides on both balances; it appends a debit and a credit in one commit, which expects both streams and " +
			"has a command id and a digest; after a conflict it starts over",
		"an event has the balance after it, so nothing else of a stream is read or folded",
		"PostgreSQL's procedure adds the transfer under its command id, changes both accounts in the order of their " +
			"ids, checks the balance and adds two entries; it takes one round trip",
		"in the end the topic is read: the balances sum to what was opened after each commit, and none is negative; " +
			"in PostgreSQL they sum to it, too",
	}
}

// moveBy adds the rows of so many callers to the table.
func (r *run) moveBy(ctx context.Context, m movement, a *accountBook, callers int, t *Table) (err error) {
	all, err := r.movers(ctx, m, a, callers)
	defer func() {
		for _, a := range all {
			err = errors.Join(err, a.close())
		}
	}()
	if err != nil {
		return err
	}
	var perBatch float64
	for round := range r.cfg.Rounds + 1 { // the first warms everything up and does not count
		for _, a := range all {
			if a.ready != nil {
				a.ready(perBatch)
			}
			n, err := r.appendTurn(ctx, m.name, a, round)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			if a.again != nil {
				perBatch = n
			}
		}
	}
	for _, a := range all {
		row := Row{Contender: a.name, Figures: [][]float64{a.rates, a.batches, a.conflicts, a.cpu}, Claimed: a.claimed}
		if err := row.verify(ctx, func() (int64, error) { return a.stored(ctx, a.claimed) }); err != nil {
			return err
		}
		t.Rows = append(t.Rows, row)
	}
	store, limit, table := all[0].rates, all[1].rates, all[2].rates
	who := fmt.Sprintf("%s callers: ", thousands(int64(callers)))
	t.Ratios = append(t.Ratios, Ratio{Text: who + "of the limit at equal batch sizes", Found: ratios(store, limit)})
	if m.want == 0 {
		t.Ratios = append(t.Ratios, Ratio{Text: who + "times PostgreSQL", Found: ratios(store, table)})
	} else {
		t.Goals = append(t.Goals, Goal{Text: who + "times PostgreSQL", Found: ratios(store, table), Want: m.want})
	}
	return nil
}

// movers opens the contenders: the store, the limit, which follows it, and the database. After an
// error, the caller must still close those that it returns.
func (r *run) movers(ctx context.Context, m movement, a *accountBook, callers int) (all []*appender, err error) {
	name := fmt.Sprintf("bench-%s-%d", m.name, callers)
	who := fmt.Sprintf(", %s callers", thousands(int64(callers)))
	sources := r.newSources(callers)
	b, err := r.newBank(ctx, name, m.parts, a)
	if err != nil {
		return nil, err
	}
	all = append(all, &appender{
		name: nameStore + who, profile: fmt.Sprintf("%s-%d", m.name, callers), topic: b.topic, close: b.store.Close,
		events: eventsOfTransfer, again: b.conflicts.Load,
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			return callAll(ctx, sources, d, b.post)
		},
		stored: func(ctx context.Context, _ int64) (int64, error) { return b.audit(ctx) },
	})
	topic, err := r.link.topic(ctx, name+"-limit", m.parts)
	if err != nil {
		return all, err
	}
	l, err := newLimit(ctx, r.link, topic, false)
	if err != nil {
		return all, err
	}
	commit := a.built(r.source())
	all = append(all, &appender{
		name: nameLimit, topic: topic, close: l.close, events: eventsOfTransfer,
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			n, err := l.turn(ctx, d)
			return n / eventsOfTransfer, err
		},
		ready: func(perBatch float64) { l.prepare(max(int(perBatch+0.5), 1), commit) },
		stored: func(context.Context, int64) (int64, error) {
			n, err := r.link.stored(topic, 0)
			return n / eventsOfTransfer, err
		},
	})
	ledger, err := postgres.NewLedger(ctx, r.pg, tableName(name), poolSize, a.ids, openingBalance)
	if err != nil {
		return all, err
	}
	return append(all, &appender{
		name: namePostgres + who, close: func() error { return ledger.Close(context.WithoutCancel(ctx)) },
		turn: func(ctx context.Context, d time.Duration) (int64, error) {
			return callAll(ctx, sources, d, byLedger(ledger, a))
		},
		stored: func(ctx context.Context, _ int64) (int64, error) { return ledger.Audit(ctx) },
	}), nil
}
