package bank_test

import (
	"fmt"
	"time"

	"github.com/fencelog/fencelog/kafka/prove/internal/bank"
	"github.com/fencelog/fencelog/kafka/prove/internal/history"
)

const name = "b"

// told builds the history of a bank by hand. The calls give the times.
type told struct {
	bank.History

	log *bank.Log
	end int64 // offset after the last record
}

// aBank has two stores: store 0 is opened first, and store 1 from time 50 to 60.
func aBank() *told {
	t := &told{log: bank.NewLog()}
	t.Bank = name
	t.Stores = []history.Opening{{Call: 1, Return: 2, Opened: true}, {Call: 50, Return: 60, Opened: true}}
	t.log.Add(history.Record{Marker: true})
	t.end = 1
	return t
}

// founded is a bank with money, founded from time 3 to 4.
func founded() *told {
	var to []string
	for n := range bank.Founders {
		to = append(to, account(n+1))
	}
	return aBank().writes(3, 4, bank.Order{Kind: bank.Found, To: to})
}

func account(n int) string { return bank.Account(name, n) }

// op adds an operation.
func (t *told) op(call, returned int64, op bank.Op) *told {
	op.ID, op.Call, op.Return, op.Order.Bank = int64(len(t.Ops)+1), call, returned, name
	t.Ops = append(t.Ops, op)
	return t
}

// decided adds an operation that decides on what it sees of the streams that it reads.
func (t *told) decided(call, returned int64, o bank.Order, seen []bank.Seen, outcome bank.Outcome) *told {
	op := bank.Op{Order: o, Seen: seen, Joint: len(seen) > 0 && o.Reading == bank.Together, Outcome: outcome}
	t.op(call, returned, op)
	t.last().Prepare()
	return t
}

func (t *told) last() *bank.Op { return &t.Ops[len(t.Ops)-1] }

// writes adds an operation that sees what the log holds now, and whose commit is stored next.
func (t *told) writes(call, returned int64, o bank.Order) *told {
	return t.writesOn(call, returned, o, t.sees(o.Reads...))
}

// writesOn adds an operation that sees something else.
func (t *told) writesOn(call, returned int64, o bank.Order, seen []bank.Seen) *told {
	t.decided(call, returned, o, seen, bank.Written)
	t.logged(t.last().Plan)
	t.last().Result = t.result()
	return t
}

// confirms adds an operation that sees what the log holds now, and stores nothing.
func (t *told) confirms(call, returned int64, o bank.Order) *told {
	return t.decided(call, returned, o, t.sees(o.Reads...), bank.Confirmed)
}

// logged puts the commit of a plan at the end of the log.
func (t *told) logged(p *bank.Plan) *told {
	versions := make(map[string]int64)
	first, streams := int64(0), make(map[string]bool)
	for i, w := range p.Writes {
		if _, known := versions[w.Stream]; !known {
			versions[w.Stream] = t.sees(w.Stream)[0].Version
		}
		if i == 0 {
			first = versions[w.Stream] + 1
		}
		streams[w.Stream] = true
	}
	for i, w := range p.Writes {
		versions[w.Stream]++
		value, _ := p.Value(i)
		r := history.Record{
			Offset: t.end, Stream: w.Stream, Event: p.EventID(i), Value: string(value), Version: versions[w.Stream],
			Time: time.Unix(t.end, 0), Command: p.Command,
		}
		if i == 0 {
			r.Digest = p.Digest
		}
		if len(streams) > 1 {
			r.Index, r.Size = i+1, len(p.Writes)
		} else {
			r.First, r.Length = first, len(p.Writes)
		}
		t.log.Add(r)
		t.end++
	}
	t.Log = t.log.Bank(name)
	return t
}

// result returns the result of the last commit.
func (t *told) result() bank.Result {
	records := t.Log[len(t.Log)-1].Records
	last := records[len(records)-1]
	r := bank.Result{Offset: last.Offset, Time: last.Time}
	at := make(map[string]int)
	for _, rec := range records {
		i, known := at[rec.Stream]
		if !known {
			i = len(r.Parts)
			at[rec.Stream] = i
			r.Parts = append(r.Parts, bank.Part{Stream: rec.Stream, First: rec.Version})
		}
		r.Parts[i].Last = rec.Version
	}
	return r
}

// sees returns what the log holds of the streams.
func (t *told) sees(streams ...string) (all []bank.Seen) {
	for _, stream := range streams {
		s := bank.Seen{Stream: stream}
		for _, c := range t.Log {
			for _, r := range c.Records {
				if r.Stream == stream {
					amount, _ := bank.AmountOf([]byte(r.Value))
					s.Version, s.Event, s.Balance = r.Version, r.Event, s.Balance+amount
				}
			}
		}
		all = append(all, s)
	}
	return all
}

// broken returns the rules that the history breaks, with the text of one violation each.
func (t *told) broken() map[string]string {
	rules := make(map[string]string)
	for _, v := range bank.Check(&t.History).Violations {
		rules[v.Rule] = fmt.Sprint(v)
	}
	return rules
}

// The orders of the tests.

func transfer(from, to int, amount int64) bank.Order {
	return bank.Order{
		Kind: bank.Transfer, From: account(from), To: []string{account(to)}, Amount: amount,
		Reads: []string{account(from), account(to), bank.FreezeOf(name)},
	}
}

func withdraw(amount int64) bank.Order {
	pair := bank.Pair(name, 1)
	return bank.Order{Kind: bank.Withdraw, Reads: pair[:], From: pair[0], Amount: amount}
}

func deposit(pot int, amount int64) bank.Order {
	return bank.Order{Kind: bank.Deposit, To: []string{bank.Pair(name, 1)[pot]}, Amount: amount}
}

func freeze() bank.Order {
	return bank.Order{Kind: bank.Freeze, Reads: []string{bank.FreezeOf(name)}}
}

func note(streams ...string) bank.Order { return bank.Order{Kind: bank.Note, To: streams} }

func audit() bank.Order { return bank.Order{Kind: bank.Audit, Reads: bank.AllAccounts(name)} }

// of gives the order a command.
func of(command, digest string, o bank.Order) bank.Order {
	o.Command, o.Digest = command, digest
	return o
}

// expects makes the order expect something of a command.
func expects(command string, applied bool, o bank.Order) bank.Order {
	o.Commands = []bank.CommandExpected{{Command: command, Applied: applied}}
	return o
}
