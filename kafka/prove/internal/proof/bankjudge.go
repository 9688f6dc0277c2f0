package proof

import (
	"context"
	"path/filepath"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// judgeBank judges a bank that is still in use by those who have been slow.
func (r *run) judgeBank(ctx context.Context, name string) error {
	known := r.banks.Bank(name)
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	log := r.bankLog.Bank(name)
	ops := known
	for _, op := range r.banks.Bank(name)[len(known):] { // begun later, and the log may hold what they wrote
		if op.Order.Writes() {
			ops = append(ops, bank.Op{
				ID: op.ID, Client: op.Client, Store: op.Store, Order: op.Order, Call: op.Call, Return: bank.Forever,
			})
		}
	}
	r.judgeBankOf(&bank.History{Bank: name, Ops: ops, Log: log, Stores: r.rec.Owners().Openings})
	return nil
}

// judgeBanks judges all banks, at the end.
func (r *run) judgeBanks() {
	stores := r.rec.Owners().Openings
	asked := make(map[string]bool)
	for _, name := range r.banks.Banks() {
		asked[name] = true
		r.judgeBankOf(&bank.History{Bank: name, Ops: r.banks.Bank(name), Log: r.bankLog.Bank(name), Stores: stores})
	}
	for _, name := range r.bankLog.Banks() {
		if !asked[name] {
			r.alarm(bank.RuleOrigin, "the topic holds bank "+name+", which no client has asked for")
		}
	}
}

func (r *run) judgeBankOf(h *bank.History) {
	v := bank.Check(h)
	for _, found := range v.Violations {
		r.journal.note("VIOLATION %s", found)
	}
	if len(v.Violations) > 0 {
		if err := h.Save(filepath.Join(r.cfg.Dir, h.Bank+".json")); err != nil {
			r.journal.note("%v", err)
		}
	}
	r.mu.Lock()
	r.verdicts[h.Bank] = v
	r.mu.Unlock()
	r.verdict.add(v.Violations...)
}
