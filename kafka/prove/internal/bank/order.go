package bank

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Category is the category of all banks. Its streams are kept together by what is before the slash.
const Category = "Bank"

// The dimensions of a bank.
const (
	Accounts = 6   // that there may be
	Founders = 4   // of them are opened first, with money
	Money    = 400 // that a bank has, once it was founded
	Pairs    = 2
)

// Account returns the stream of account n, from 1.
func Account(bank string, n int) string { return fmt.Sprintf("%s/a%d", bank, n) }

// AllAccounts returns the streams of all accounts.
func AllAccounts(bank string) []string {
	var all []string
	for n := range Accounts {
		all = append(all, Account(bank, n+1))
	}
	return all
}

// Pair returns the streams of the two pots of pair n, from 1.
func Pair(bank string, n int) [2]string {
	pot := fmt.Sprintf("%s/p%d", bank, n)
	return [2]string{pot + "x", pot + "y"}
}

// FreezeOf returns the stream of the freeze.
func FreezeOf(bank string) string { return bank + "/freeze" }

// Of returns the bank of a stream.
func Of(stream string) string {
	bank, _, _ := strings.Cut(stream, "/")
	return bank
}

// isAccount reports whether a stream is an account.
func isAccount(stream string) bool {
	_, name, _ := strings.Cut(stream, "/")
	return strings.HasPrefix(name, "a")
}

// Kind is what a client asks for.
type Kind uint8

// The kinds of orders. Unless they read, they say nothing of what they do not expect.
const (
	Found    Kind = iota // open the accounts To, and give them the Money
	Open                 // open the account To, without money
	Transfer             // Amount from the account From to each account To, unless there is a freeze
	Withdraw             // Amount from the pot From, if the pair has so much together
	Deposit              // Amount to the pot To, whatever is there
	Note                 // nothing to each stream To, whatever is there
	Freeze               // begin a freeze, if there is none
	Thaw                 // end the freeze, if there is one
	Audit                // say how the streams of Reads stood together
	Verify               // say whether the streams of Reads stand together at Versions
	Across               // nothing to streams of two banks, which is not allowed
	Ask                  // say whether the command Command is applied
	kinds                // how many there are
)

// String returns the kind for people.
func (k Kind) String() string {
	return [kinds]string{
		"found", "open", "transfer", "withdraw", "deposit", "note", "freeze", "thaw", "audit", "verify", "across",
		"ask",
	}[k]
}

// Reading is how an order reads its streams.
type Reading uint8

// The ways to read.
const (
	Together Reading = iota // each with those before it, also what is queued: all stood so at a moment
	Apart                   // each by itself, also what is queued
	Stored                  // each by itself, what is stored; expected by its version alone
)

// Order is what a client asks a store for.
type Order struct {
	Kind     Kind
	Bank     string
	Reads    []string // streams, in the order in which they are read; all of them are expected
	Reading  Reading
	Pause    time.Duration // between two reads
	Versions []int64       // of Reads, for Verify, which does not read
	From     string
	To       []string
	Amount   int64
	Blind    bool // an Open without expectation

	Command, Digest string
	Commands        []CommandExpected
	Unconfirmed     bool
	// Early is how long before the call the events are said to have happened.
	Early time.Duration
}

// CommandExpected is a command and whether it must be applied.
type CommandExpected struct {
	Command string
	Applied bool
}

// Writes reports whether the order may write.
func (o *Order) Writes() bool {
	return !slices.Contains([]Kind{Audit, Verify, Ask}, o.Kind)
}

// Write is one event of a commit. It adds an amount to its stream.
type Write struct {
	Stream string
	What   string // the type of the event
	Amount int64
}

// The types of events.
const (
	opened    = "Opened"
	moved     = "Moved"
	withdrawn = "Withdrawn"
	deposited = "Deposited"
	noted     = "Noted"
	frozen    = "Frozen"
	thawed    = "Thawed"
)

// Decide returns what the order writes on what was seen of its streams. If it returns nothing, the
// order is refused, or asks for nothing more than to be told so.
func (o *Order) Decide(seen []Seen) []Write {
	switch o.Kind {
	case Found:
		return o.open(seen, Money/Founders)
	case Open:
		return o.open(seen, 0)
	case Transfer:
		return o.transfer(seen)
	case Withdraw:
		together := int64(0)
		for _, s := range seen {
			together += s.Balance
		}
		if together < o.Amount {
			return nil
		}
		return []Write{{o.From, withdrawn, -o.Amount}}
	case Deposit:
		return o.each(deposited, o.Amount)
	case Note, Across:
		return o.each(noted, 0)
	case Freeze:
		if seen[0].Balance > 0 {
			return nil
		}
		return []Write{{FreezeOf(o.Bank), frozen, 1}}
	case Thaw:
		if seen[0].Balance == 0 {
			return nil
		}
		return []Write{{FreezeOf(o.Bank), thawed, -1}}
	default:
		return nil
	}
}

// open opens the accounts, unless one of them was seen to be open.
func (o *Order) open(seen []Seen, amount int64) []Write {
	for _, s := range seen {
		if s.Version > 0 {
			return nil
		}
	}
	return o.each(opened, amount)
}

// transfer moves money, unless there is a freeze, an account is not open, or there is too little.
func (o *Order) transfer(seen []Seen) []Write {
	all := o.Amount * int64(len(o.To))
	for _, s := range seen {
		switch {
		case s.Stream == FreezeOf(o.Bank):
			if s.Balance > 0 {
				return nil
			}
		case s.Version == 0, s.Stream == o.From && s.Balance < all:
			return nil
		}
	}
	return append([]Write{{o.From, moved, -all}}, o.each(moved, o.Amount)...)
}

func (o *Order) each(what string, amount int64) []Write {
	var all []Write
	for _, stream := range o.To {
		all = append(all, Write{stream, what, amount})
	}
	return all
}
