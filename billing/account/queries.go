package account

import (
	"fmt"
	"time"

	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/query"
)

// GetAccount asks for the details of an account. The answer shows everything that this process had
// of it before the question. If the process's store owns the account's partition, this is all that
// was committed; see [View]. The query is refused with [ErrAccountNotFound].
type GetAccount struct {
	query.Returns[Details]
	AccountID string
}

// GetBalance asks for the balance of an account. The answer shows everything that this process had
// of it before the question. If the process's store owns the account's partition, this is all that
// was committed; see [View]. The query is refused with [ErrAccountNotFound].
type GetBalance struct {
	query.Returns[Balance]
	AccountID string
}

// Details are the properties of an account, as of a version. Amounts are in minor units.
type Details struct {
	AccountID  string
	Version    int64 // of the account
	Status     Status
	OwnerID    string
	OwnerType  OwnerType
	Type       Type
	Currency   money.Currency
	Exponent   int    // of the minor units
	MaxBalance *int64 // nil: no such limit
	MinBalance *int64 // nil: no such limit
	CreatedAt  time.Time
}

// Balance is the balance of an account, as of a version. Amounts are in minor units;
// [Balance.Format] writes them.
type Balance struct {
	AccountID string
	Version   int64 // of the account
	Currency  money.Currency
	Exponent  int // of the minor units

	Posted    int64  // credits less debits
	Held      int64  // reserved, and still posted
	Available *int64 // posted less held, down to the least balance; nil: without limit
}

// Format writes minor units of the account as a decimal, such as "12.50".
func (b Balance) Format(minor int64) string { return money.Format(minor, b.Exponent) }

// String writes the balance for people.
func (b Balance) String() string {
	available := "without limit"
	if b.Available != nil {
		available = b.Format(*b.Available)
	}
	return fmt.Sprintf("posted %s, held %s, available %s %s", b.Format(b.Posted), b.Format(b.Held), available,
		b.Currency)
}
