package proof

import (
	"fmt"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
)

// BankReport is what a proof found of the banks.
type BankReport struct {
	Orders, Written, Repeated, Reused, Conflicts, Invalid, NotWritten, Unknown int

	UnknownStored int // of Unknown, how many the log holds
	Early         int // of Written and of answers without a commit: decided on events that were not stored yet

	// Refusals, Audits and Verified are answers that had to be true of one moment of their call.
	// Unconfirmed ones could be older.
	Refusals, Audits, Verified, Unconfirmed int
	Unanswered                              int // checks of those kinds that were not answered

	Told            int // whether a command is applied
	Views, Compared int // as bank.Verdict has them
	Banks           int
	Commits         int // in the topic
	Several         int // of them, to several streams
	Violations      int
}

// bankReport counts what became of the orders.
func (r *run) bankReport() BankReport {
	var rep BankReport
	for _, name := range r.banks.Banks() {
		rep.Banks++
		for _, op := range r.banks.Bank(name) {
			rep.add(&op)
		}
	}
	rep.Commits, rep.Several = r.bankLog.Commits()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.verdicts {
		rep.Views, rep.Compared = rep.Views+v.Views, rep.Compared+v.Compared
		rep.UnknownStored += v.UnknownStored
	}
	for _, v := range r.verdict.violations {
		if bank.IsRule(v.Rule) {
			rep.Violations++
		}
	}
	return rep
}

func (rep *BankReport) add(op *bank.Op) {
	rep.Orders++
	if op.Early() {
		rep.Early++
	}
	switch op.Outcome {
	case bank.Unknown:
		rep.Unknown++
	case bank.Written:
		rep.Written++
	case bank.Repeated:
		rep.Repeated++
	case bank.Reused:
		rep.Reused++
	case bank.Conflict:
		rep.Conflicts++
	case bank.Invalid:
		rep.Invalid++
	case bank.Told:
		rep.Told++
	case bank.Failed:
		if !op.Order.Writes() || op.Plan != nil && len(op.Plan.Writes) == 0 {
			rep.Unanswered++
		} else {
			rep.NotWritten++
		}
	default:
		rep.confirmed(op)
	}
}

// confirmed counts a check that has succeeded.
func (rep *BankReport) confirmed(op *bank.Op) {
	switch {
	case op.Plan.Unconfirmed:
		rep.Unconfirmed++
	case op.Refused():
		rep.Refusals++
	case op.Order.Kind == bank.Audit:
		rep.Audits++
	default:
		rep.Verified++
	}
}

// print writes the report for people.
func (rep *BankReport) print(line func(name string, n any, remark string)) {
	line("commits stored", rep.Written, "")
	line("answered with the first result of the command", rep.Repeated, "")
	line("refused, their command id names another", rep.Reused, "")
	line("refused, they would be of two banks", rep.Invalid, "")
	line("conflicts", rep.Conflicts, "")
	line("not stored: not owner, closed, out of time", rep.NotWritten, "")
	line("unknown", rep.Unknown, fmt.Sprintf("of which the log holds %d", rep.UnknownStored))
	line("refusals answered, each had to be exact", rep.Refusals, "")
	line("audits answered, each had to be exact", rep.Audits, "")
	line("versions verified, each had to be exact", rep.Verified, "")
	line("audits that may be older, as they ask nobody", rep.Unconfirmed, "")
	line("refusals, audits, checks without an answer", rep.Unanswered, "not owner, closed, out of time")
	line("told whether a command is applied", rep.Told, "")
	line("all", rep.Orders, "")
	line("stored or answered on events not yet stored", rep.Early, "and answered when they were")
	line("views of several streams, none may be torn", rep.Views,
		fmt.Sprintf("%d of them compared with the log; of the others, only the money", rep.Compared))
	line("commits in the topic", rep.Commits, fmt.Sprintf("%d of them to several streams", rep.Several))
	line("banks replayed and compared with all answers", rep.Banks, "")
	line("violations", rep.Violations, "")
}
