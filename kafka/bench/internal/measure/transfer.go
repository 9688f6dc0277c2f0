package measure

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/fencelog/fencelog/event"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// The accounts of the transfers, and what is moved between them.
const (
	openingBalance = 1_000_000 // so large that no account runs out of money
	mostMoved      = 100       // in one transfer

	openedType   = "AccountOpened"
	debitedType  = "AccountDebited"
	creditedType = "AccountCredited"

	eventsOfTransfer = 2
)

// accountBook holds the accounts that transfers move money between, in ledgers of the same size. A
// ledger is a partition key.
type accountBook struct {
	ledgers []string
	ids     []string // those of a ledger stand together
	hot     bool     // each transfer pays into the last account of the ledger
}

func newAccountBook(n, ledgers int, hot bool) *accountBook {
	a := &accountBook{hot: hot}
	for l := range ledgers {
		a.ledgers = append(a.ledgers, fmt.Sprintf("ledger-%02d", l))
		for i := range n / ledgers {
			a.ids = append(a.ids, fmt.Sprintf("%s/account-%05d", a.ledgers[l], i))
		}
	}
	return a
}

func (a *accountBook) stream(i int) eventstore.Stream {
	return eventstore.Stream{Category: category, ID: a.ids[i]}
}

// transfer is the command of a transfer between two accounts of one ledger.
type transfer struct {
	command, digest string
	ledger          string
	payer, payee    int // their places among the accounts
	amount          int64
}

// draw returns a new transfer, from any account to any other.
func (a *accountBook) draw(src *source) transfer {
	each := len(a.ids) / len(a.ledgers)
	l := src.dice.IntN(len(a.ledgers))
	payee := each - 1
	payer := src.dice.IntN(payee)
	if !a.hot {
		if payee = src.dice.IntN(each); payer == payee {
			payer = each - 1
		}
	}
	var digest [16]byte            // the length of the digests of package command
	_, _ = src.rng.Read(digest[:]) // never fails
	return transfer{
		command: src.id(), digest: hex.EncodeToString(digest[:]), ledger: a.ledgers[l],
		payer: l*each + payer, payee: l*each + payee, amount: 1 + int64(src.dice.IntN(mostMoved)),
	}
}

// opening returns the first event of an account.
func (s *source) opening() eventstore.Record {
	return s.entry(transfer{command: s.id()}, openedType, openingBalance, openingBalance)
}

// transfer returns the events of a transfer. The balances are those of the two accounts before it.
func (s *source) transfer(t transfer, payer, payee int64) (debited, credited eventstore.Record) {
	debited = s.entry(t, debitedType, -t.amount, payer-t.amount)
	debited.CommandDigest = t.digest
	return debited, s.entry(t, creditedType, t.amount, payee+t.amount)
}

// entry returns an event of an account. Its value is that of another event, with the amount and the
// balance behind it.
func (s *source) entry(t transfer, eventType string, amount, after int64) eventstore.Record {
	return eventstore.Record{Value: entryValue(s.value(), amount, after), Header: event.Header{
		ID: s.id(), Type: eventType, Revision: 1, Timestamp: s.now,
		CorrelationID: t.command, CausationID: t.command, CommandID: t.command, ActorID: "user-1",
	}}
}

func entryValue(other []byte, amount, after int64) []byte {
	b := append(make([]byte, 0, len(other)+entryBytes), other...)
	b = binary.BigEndian.AppendUint64(b, uint64(amount))
	return binary.BigEndian.AppendUint64(b, uint64(after))
}

const entryBytes = 16

// entryOf returns what entryValue has put behind the value.
func entryOf(r *eventstore.Record) (amount, after int64, err error) {
	if len(r.Value) < entryBytes {
		return 0, 0, fmt.Errorf("version %d of %s has no entry", r.AggregateVersion, r.Stream())
	}
	b := r.Value[len(r.Value)-entryBytes:]
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), nil
}

// built returns a function that makes the commits of transfers, as a store places them. Nobody has
// decided on them: their balances and versions are made up.
func (a *accountBook) built(src *source) func() []eventstore.Record {
	return func() []eventstore.Record {
		t := a.draw(src)
		debited, credited := src.transfer(t, openingBalance, openingBalance)
		records := []eventstore.Record{debited, credited}
		for i, account := range []int{t.payer, t.payee} {
			r := &records[i]
			r.Category, r.AggregateID, r.AggregateVersion = category, a.ids[account], int64(1+src.dice.IntN(999))
			r.Commit = eventstore.CommitPart{Index: i + 1, Size: len(records), Several: true}
		}
		return records
	}
}

// row returns the transfer as the database gets it.
func (a *accountBook) row(src *source, t transfer) *postgres.Transfer {
	return &postgres.Transfer{
		Ledger: t.ledger, Command: t.command, Digest: t.digest, Payer: a.ids[t.payer], Payee: a.ids[t.payee],
		Amount: t.amount, Occurred: src.now, Debited: src.value(), Credited: src.value(),
	}
}
