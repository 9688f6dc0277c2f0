package measure

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/internal/clock"
)

// A transfer is between two accounts of one ledger. If the accounts are hot, it pays into the last
// account of the ledger.
func TestTransfersAreDrawn(t *testing.T) {
	t.Parallel()
	const ledgers = 3
	values, now := newValues(1), clock.Now()
	rapid.Check(t, func(t *rapid.T) {
		src := newSource(values, rapid.Uint64().Draw(t, "seed"), 0, now)
		each := rapid.IntRange(2, 5).Draw(t, "accounts of a ledger")
		for _, hot := range []bool{false, true} {
			a := newAccountBook(ledgers*each, ledgers, hot)
			payers, payees := make(map[int]bool), make(map[int]bool)
			for range 1_000 {
				drawn := a.draw(src)
				require.NotEqual(t, drawn.payer, drawn.payee)
				require.Equal(t, a.ledgers[drawn.payer/each], drawn.ledger)
				require.Equal(t, a.ledgers[drawn.payee/each], drawn.ledger)
				require.GreaterOrEqual(t, drawn.amount, int64(1))
				require.LessOrEqual(t, drawn.amount, int64(mostMoved))
				payers[drawn.payer], payees[drawn.payee] = true, true
				if hot {
					require.Equal(t, each-1, drawn.payee%each)
				}
			}
			if hot {
				require.Len(t, payers, ledgers*(each-1))
				require.Len(t, payees, ledgers)
			} else {
				require.Len(t, payers, len(a.ids))
				require.Len(t, payees, len(a.ids))
			}
		}
	})
}
