package measure

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// transfersOfOne is the case of one caller who posts one transfer after the other. The contenders
// take turns transfer by transfer.
func (r *run) transfersOfOne(ctx context.Context) (t Table, err error) {
	const name = "transfer-single"
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	a, src := newAccountBook(r.size.accounts, manyLedgers, false), r.source()
	b, err := r.newBank(ctx, "bench-"+name, partitions, a)
	if err != nil {
		return t, err
	}
	closers = append(closers, b.store.Close)
	topic, err := r.link.topic(ctx, "bench-"+name+"-bare", partitions)
	if err != nil {
		return t, err
	}
	bare, err := newLimit(ctx, r.link, topic, false)
	if err != nil {
		return t, err
	}
	closers = append(closers, bare.close)
	bare.prepare(1, a.built(src))
	ledger, err := postgres.NewLedger(ctx, r.pg, tableName(name), 1, a.ids, openingBalance)
	if err != nil {
		return t, err
	}
	closers = append(closers, func() error { return ledger.Close(context.WithoutCancel(ctx)) })

	by := func(do appendOne) func(context.Context, int) error {
		return func(ctx context.Context, _ int) error { return do(ctx, src, nil) }
	}
	all := []*single{
		{name: nameStore, every: 1, do: by(b.post)},
		{name: nameBare + " of the same batch", every: 1, do: bare.one},
		{name: namePostgres, every: 1, do: by(byLedger(ledger, a))},
	}
	if t, err = r.takeTurns(ctx, name, all); err != nil {
		return t, err
	}
	for i, count := range []func() (int64, error){
		func() (int64, error) { return b.audit(ctx) },
		func() (int64, error) {
			n, err := r.link.stored(topic, 0)
			return n / eventsOfTransfer, err
		},
		func() (int64, error) { return ledger.Audit(ctx) },
	} {
		row := &t.Rows[i]
		row.Claimed = int64((r.cfg.Rounds + 1) * r.size.single)
		if err := row.verify(ctx, count); err != nil {
			return t, err
		}
	}
	const most = 1.3
	t.Title = fmt.Sprintf("one caller makes one transfer at a time within %d ledgers, %d partitions, %s accounts",
		manyLedgers, partitions, thousands(int64(len(a.ids))))
	t.Goals = []Goal{
		{Text: "p50 against a bare produce's", Found: ratios(all[0].p50, all[1].p50), Want: most, AtMost: true},
	}
	t.Ratios = []Ratio{{Text: "p99 against a bare produce's", Found: ratios(all[0].p99, all[1].p99)}}
	t.Notes = append(t.Notes, transferNotes()...)
	return t, nil
}

// tableName returns a name as the database takes it without quotes.
func tableName(name string) string { return strings.ReplaceAll(name, "-", "_") }
