package bank

import (
	"maps"
	"math/rand/v2"
)

// Known is what clients have learned of a bank. One goroutine at a time uses it.
type Known struct {
	Bank      string
	Neighbour string // another bank, if possible one in the same partition
	Commits   int    // that were learned of
	Partition int32  // of the last of them

	versions map[string]int64 // by stream, the greatest
	stored   []Order          // whose command is stored
}

// Copy returns a copy.
func (k *Known) Copy() *Known {
	c := *k
	c.versions = maps.Clone(k.versions)
	return &c // orders are only added, and the copy has as many as there are now
}

// Learn notes what an answer shows.
func (k *Known) Learn(op *Op) {
	if op.Order.Bank != k.Bank {
		return
	}
	if k.versions == nil {
		k.versions = make(map[string]int64)
	}
	for _, seen := range op.Seen {
		if seen.Unstored == 0 {
			k.versions[seen.Stream] = max(k.versions[seen.Stream], seen.Version)
		}
	}
	if op.Outcome == Written {
		for _, p := range op.Result.Parts {
			k.versions[p.Stream] = max(k.versions[p.Stream], p.Last)
		}
		k.Commits++
		k.Partition = op.Result.Partition
		if op.Order.Command != "" {
			k.stored = append(k.stored, op.Order)
		}
	}
}

// founded reports whether the first accounts are open.
func (k *Known) founded() bool { return k.versions[Account(k.Bank, 1)] > 0 }

// versionsOf returns the versions of the streams.
func (k *Known) versionsOf(streams []string) []int64 {
	var all []int64
	for _, stream := range streams {
		all = append(all, k.versions[stream])
	}
	return all
}

// old returns an order whose command is stored, mostly one of the last.
func (k *Known) old(rng *rand.Rand) (Order, bool) {
	n := len(k.stored)
	if n == 0 {
		return Order{}, false
	}
	if rng.IntN(2) == 0 {
		return k.stored[n-1-rng.IntN(min(n, 5))], true
	}
	return k.stored[rng.IntN(n)], true
}

// turn is the same number for all clients until some more commands are stored.
func (k *Known) turn() int { return len(k.stored) / 8 }

// The orders that the proof gives on purpose.

// NoteEverywhere writes to the freeze, to a pot of each pair and to two accounts, and expects
// nothing of them. So each decision of ReadBoth or of Exact from before it is out of date.
func (k *Known) NoteEverywhere() Order {
	to := []string{FreezeOf(k.Bank), Pair(k.Bank, 1)[0], Pair(k.Bank, 2)[0]}
	if k.founded() {
		to = append(to, Account(k.Bank, 1), Account(k.Bank, 2))
	}
	return Order{Kind: Note, Bank: k.Bank, To: to}
}

// Exact returns orders whose answers must be true of one moment of their call. They write nothing.
func (k *Known) Exact() []Order { return []Order{k.AuditAll(), k.TooMuch()} }

// AuditAll asks how all accounts and the freeze stand.
func (k *Known) AuditAll() Order {
	return Order{Kind: Audit, Bank: k.Bank, Reads: append(AllAccounts(k.Bank), FreezeOf(k.Bank))}
}

// TooMuch asks for more money than there is.
func (k *Known) TooMuch() Order {
	from, to := Account(k.Bank, 1), Account(k.Bank, 2)
	return Order{
		Kind: Transfer, Bank: k.Bank, From: from, To: []string{to}, Amount: 10 * Money,
		Reads: []string{FreezeOf(k.Bank), from, to},
	}
}

// ReadBoth reads both pots of a pair and writes to one.
func (k *Known) ReadBoth() Order {
	pair := Pair(k.Bank, 1)
	return Order{Kind: Withdraw, Bank: k.Bank, Reads: pair[:], From: pair[0]}
}

// WriteOther writes to the other pot.
func (k *Known) WriteOther() Order {
	return Order{Kind: Deposit, Bank: k.Bank, To: []string{Pair(k.Bank, 1)[1]}, Amount: 1}
}
