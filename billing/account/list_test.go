package account_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every account is on one page, in the order of the ids, whatever the size of the pages.
func TestAccountsPageByPage(t *testing.T) {
	t.Parallel()
	f := inMemory(t)
	page, more, err := f.View.Accounts(t.Context(), "", 3)
	require.NoError(t, err)
	require.False(t, more)
	require.Empty(t, page)

	const accounts = 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var want []string
	for _, i := range rand.New(rand.NewPCG(seed, seed)).Perm(accounts) {
		id := fmt.Sprintf("a-%02d", i)
		f.create(t, id)
		want = append(want, id)
	}
	slices.Sort(want)
	for most := 1; most <= accounts+1; most++ {
		var found []string
		for after, more := "", true; more; {
			page, more, err = f.View.Accounts(t.Context(), after, most)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), most)
			require.Equal(t, len(found)+len(page) < accounts, more)
			for _, d := range page {
				require.Equal(t, "user-1", d.OwnerID)
				found = append(found, d.AccountID)
			}
			after = found[len(found)-1]
		}
		require.Equal(t, want, found, "pages of %d", most)
	}
	for most, found := range map[int]int{math.MinInt: 0, -1: 0, 0: 0, math.MaxInt: accounts} {
		page, more, err = f.View.Accounts(t.Context(), "", most)
		require.NoError(t, err)
		require.Len(t, page, found)
		require.Equal(t, found < accounts, more, most)
	}
	page, more, err = f.View.Accounts(t.Context(), "b", 3)
	require.NoError(t, err)
	require.False(t, more)
	require.Empty(t, page)
}
