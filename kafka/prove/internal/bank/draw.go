package bank

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Drawer draws the orders of one client. One goroutine uses it.
type Drawer struct {
	rng    *rand.Rand
	client int
	given  int // commands so far
}

// NewDrawer returns a drawer for the client with that number. Each drawer needs another number.
func NewDrawer(rng *rand.Rand, client int) *Drawer { return &Drawer{rng: rng, client: client} }

// Draw returns the next order, as far as k knows the bank.
func (d *Drawer) Draw(k *Known) Order {
	o := Order{Bank: k.Bank}
	if !k.founded() {
		d.found(&o)
		d.command(k, &o)
		return o
	}
	all := []struct {
		weight int
		fill   func(*Order)
	}{
		{14, d.transfer},
		{5, d.withdraw},
		{4, d.deposit},
		{3, d.note},
		{4, d.freeze},
		{6, d.audit},
		{1, d.open},
		{2, func(o *Order) { d.verify(k, o) }},
		{1, func(o *Order) { d.across(k, o) }},
		{2, func(o *Order) { d.ask(k, o) }},
	}
	sum := 0
	for _, one := range all {
		sum += one.weight
	}
	n := d.rng.IntN(sum)
	for _, one := range all {
		if n -= one.weight; n < 0 {
			one.fill(&o)
			break
		}
	}
	if o.Kind != Ask {
		d.command(k, &o)
	}
	if d.rng.IntN(4) == 0 {
		o.Pause = time.Duration(d.rng.Int64N(int64(maxPause)))
	}
	return o
}

func (d *Drawer) found(o *Order) {
	o.Kind = Found
	for n := range Founders {
		o.To = append(o.To, Account(o.Bank, n+1))
	}
	if d.rng.IntN(2) == 0 {
		o.Reads = slices.Clone(o.To)
	}
}

// transfer is between two to four accounts. Sometimes it expects nothing of those that get the
// money.
func (d *Drawer) transfer(o *Order) {
	accounts := d.shuffled(AllAccounts(o.Bank))[:2+d.rng.IntN(3)]
	o.Kind, o.From, o.To, o.Amount, o.Reading = Transfer, accounts[0], accounts[1:], d.amount(), d.reading()
	o.Reads = []string{o.From, FreezeOf(o.Bank)}
	if d.rng.IntN(4) > 0 {
		o.Reads = append(o.Reads, o.To...)
	}
	o.Reads = d.shuffled(o.Reads)
}

func (d *Drawer) withdraw(o *Order) {
	pair := Pair(o.Bank, 1+d.rng.IntN(Pairs))
	o.Kind, o.Reads, o.Reading = Withdraw, d.shuffled(pair[:]), d.reading()
	o.From, o.Amount = pair[d.rng.IntN(2)], d.amount()
}

func (d *Drawer) deposit(o *Order) {
	o.Kind, o.Amount = Deposit, d.amount()
	o.To = []string{Pair(o.Bank, 1+d.rng.IntN(Pairs))[d.rng.IntN(2)]}
	if d.rng.IntN(2) == 0 {
		o.Reads = o.To
	}
}

// note writes to several streams, and sometimes to one of them twice.
func (d *Drawer) note(o *Order) {
	o.Kind, o.To = Note, d.shuffled(everything(o.Bank))[:2+d.rng.IntN(3)]
	if d.rng.IntN(2) == 0 {
		o.To = append(o.To, o.To[0])
	}
}

// freeze ends a freeze more often than it begins one.
func (d *Drawer) freeze(o *Order) {
	o.Kind, o.Reads, o.To = Thaw, []string{FreezeOf(o.Bank)}, []string{FreezeOf(o.Bank)}
	if o.Reading = d.reading(); d.rng.IntN(5) == 0 {
		o.Kind = Freeze
	}
}

// audit is of all accounts at least.
func (d *Drawer) audit(o *Order) {
	o.Kind, o.Reading, o.Unconfirmed = Audit, d.reading(), d.rng.IntN(8) == 0
	if o.Reads = AllAccounts(o.Bank); d.rng.IntN(3) == 0 {
		o.Reads = everything(o.Bank)
	}
	o.Reads = d.shuffled(o.Reads)
}

// verify is of versions that somebody has learned.
func (d *Drawer) verify(k *Known, o *Order) {
	o.Kind, o.Reads = Verify, d.shuffled(everything(o.Bank))[:1+d.rng.IntN(3)]
	o.Versions = k.versionsOf(o.Reads)
}

// open opens one of the later accounts, or finds that it is open. If it is blind, it opens the
// account again.
func (d *Drawer) open(o *Order) {
	o.Kind, o.Blind = Open, d.rng.IntN(2) == 0
	o.To = []string{Account(o.Bank, Founders+1+d.rng.IntN(Accounts-Founders))}
	if !o.Blind && d.rng.IntN(2) == 0 {
		o.Reads = o.To
	}
}

func (d *Drawer) across(k *Known, o *Order) {
	o.Kind, o.To = Across, []string{Account(o.Bank, 1), Account(k.Neighbour, 1)}
}

func (d *Drawer) ask(k *Known, o *Order) {
	o.Kind, o.Command = Ask, never
	if old, ok := k.old(d.rng); ok && d.rng.IntN(4) > 0 {
		o.Command = old.Command
	}
}

// maxPause is how long a teller may take between two reads. Others write meanwhile.
const maxPause = 3 * time.Millisecond

// never is a command that nobody gives.
const never = "never"

// everything returns all streams of a bank.
func everything(name string) []string {
	all := append(AllAccounts(name), FreezeOf(name))
	for n := range Pairs {
		pair := Pair(name, n+1)
		all = append(all, pair[:]...)
	}
	return all
}

func (d *Drawer) amount() int64 { return 1 + d.rng.Int64N(40) }

// reading returns how to read, mostly together.
func (d *Drawer) reading() Reading {
	return []Reading{Together, Together, Together, Apart, Stored}[d.rng.IntN(5)]
}

func (d *Drawer) shuffled(streams []string) []string {
	all := slices.Clone(streams)
	d.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// command gives the order a command, and what it expects of others. Banks have commands of the same
// ids, which have nothing to do with each other.
func (d *Drawer) command(k *Known, o *Order) {
	if d.rng.IntN(4) == 0 {
		o.Early = time.Duration(d.rng.Int64N(int64(2 * time.Second)))
	} else if d.rng.IntN(20) == 0 {
		o.Early = -time.Hour // a clock that is wrong
	}
	old, ok := k.old(d.rng)
	either, or := fmt.Sprintf("either-%d", k.turn()), fmt.Sprintf("or-%d", k.turn())
	switch n := d.rng.IntN(12); {
	case n < 3 || !o.Writes(): // no command
	case n == 3 && ok:
		d.again(o, &old)
	case n == 4: // one of two commands, of which at most one may be applied
		if d.rng.IntN(2) == 0 {
			either, or = or, either
		}
		o.Command, o.Digest = either, fmt.Sprintf("digest-%d", d.client)
		o.Commands = append(o.Commands, CommandExpected{Command: or})
	default:
		d.given++
		o.Command = fmt.Sprintf("command-%d-%d", d.client, d.given)
		if d.rng.IntN(5) > 0 {
			o.Digest = fmt.Sprintf("digest-%d-%d", d.client, d.given)
		}
	}
	if d.rng.IntN(8) > 0 {
		return
	}
	expected := CommandExpected{Command: never}
	switch n := d.rng.IntN(8); {
	case n == 0: // it may be under way
		expected = CommandExpected{Command: either, Applied: true}
	case ok && n < 7:
		expected = CommandExpected{Command: old.Command, Applied: n < 6}
	}
	if expected.Command != o.Command {
		o.Commands = append(slices.Clone(o.Commands), expected)
	}
}

// again gives the order the command of another order, or makes it that order once more.
func (d *Drawer) again(o, old *Order) {
	switch d.rng.IntN(4) {
	case 0: // another order, perhaps to other streams
		o.Command, o.Digest = old.Command, old.Digest
	case 1:
		*o = *old
		o.Digest = "another"
	case 2:
		*o = *old
		o.Digest = ""
	default:
		*o = *old
	}
}
