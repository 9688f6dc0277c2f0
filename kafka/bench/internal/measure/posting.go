package measure

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/kafka/bench/internal/postgres"
)

// The accounts of the whole commands, and what is posted to them. All have the same terms. A limit
// that nobody reaches makes each credit check it.
const (
	accountCurrency   = money.Currency("EUR")
	accountExponent   = 2
	accountMaxBalance = 100_000_000_000
	contraAccount     = "card-acquirer"
	actorOfCommands   = "user-1"
	mostPosted        = 10_000 // by one command
)

// posting is the command to credit or to debit one account.
type posting struct {
	account     int    // its number
	transaction string // id, which names the command
	correlation string
	amount      int64
}

// posting returns a new posting to the account of that number.
func (s *source) posting(number int) posting {
	return posting{
		account: number, transaction: s.id(), correlation: s.id(), amount: 1 + s.dice.Int64N(mostPosted),
	}
}

// digest returns a text of the length of the digests of package command.
func (s *source) digest() string {
	var raw [16]byte
	_, _ = s.rng.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

func (p posting) credit() account.CreditAccount {
	return account.CreditAccount{
		AccountID: accountID(p.account), TransactionID: p.transaction, EntryType: account.EntryTopUp,
		Amount:   money.Decimal(money.Format(p.amount, accountExponent)),
		Currency: accountCurrency, Contra: contraAccount,
	}
}

func (p posting) debit() account.DebitAccount { return account.DebitAccount(p.credit()) }

// accountTerms are those of the accounts in the database.
func accountTerms() postgres.Terms {
	return postgres.Terms{
		Status: postgres.Active, Currency: string(accountCurrency), Exponent: accountExponent,
		MaxBalance: accountMaxBalance,
	}
}

// row returns the posting as the database gets it: of that sign, with the headers and the value of
// another event.
func (p posting) row(src *source, sign int64, like *eventstore.Record) *postgres.Posting {
	return &postgres.Posting{
		Account: accountID(p.account), Command: p.transaction, Digest: src.digest(),
		Currency: string(accountCurrency), Exponent: accountExponent, Amount: sign * p.amount,
		Event: src.id(), Type: like.Type, Revision: like.Revision, Occurred: src.now,
		Correlation: p.correlation, Causation: p.transaction, Actor: actorOfCommands, Payload: like.Value,
	}
}

// An account's id has the length and the alphabet of a UUID. It ends with the number of the
// account.
const (
	numberAt     = 24 // where the number begins
	numberDigits = 12
)

// accountID returns the id of the account of that number.
func accountID(number int) string {
	var id [numberAt + numberDigits]byte
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], mix(uint64(number)))
	binary.BigEndian.PutUint64(raw[8:], mix(^uint64(number)))
	uuidText(raw, &id)
	for i := len(id) - 1; i >= numberAt; i-- {
		id[i] = byte('0' + number%10)
		number /= 10
	}
	return string(id[:])
}

// accountNumber returns the number of the account with the id.
func accountNumber(id string) (int, error) {
	if len(id) == numberAt+numberDigits {
		if number, err := strconv.Atoi(id[numberAt:]); err == nil && accountID(number) == id {
			return number, nil
		}
	}
	return 0, fmt.Errorf("id %q is none of the benchmark's accounts", id)
}

func accountStream(number int) eventstore.Stream {
	return eventstore.Stream{Category: category, ID: accountID(number)}
}
