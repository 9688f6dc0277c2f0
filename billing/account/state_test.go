package account_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/aggregate"
	"github.com/fencelog/fencelog/aggregate/aggregatetest"
	"github.com/fencelog/fencelog/billing/account"
)

// equal compares states as Go does. It takes only states that Go can compare.
func equal[S comparable](a, b S) bool { return a == b }

// references returns the paths of the fields that a copy of the value would share. A string is
// shared, too, and never changes.
func references(g reflect.Type, path string) []string {
	switch g.Kind() {
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Struct:
		var found []string
		for i := range g.NumField() {
			found = append(found, references(g.Field(i).Type, path+"."+g.Field(i).Name)...)
		}
		return found
	default:
		return []string{fmt.Sprintf("%s, a %s", path, g.Kind())}
	}
}

func TestStateHasNoReferences(t *testing.T) {
	t.Parallel()
	require.Empty(t, references(reflect.TypeFor[account.Account](), "Account"))
	require.Equal(t, []string{"x.P, a ptr", "x.In.M, a map"},
		references(reflect.TypeFor[struct {
			P  *int
			In struct{ M map[string]int }
		}](), "x"), "the test finds some")
}

// The repository may keep states in memory and in snapshots.
func TestStateCanBeKept(t *testing.T) {
	t.Parallel()
	aggregatetest.CheckState(t, account.Accounts,
		created(atLeast(-500), atMost(9_000)), credited("t-1", 1_000, 1_000), debited("t-2", 250, 750))
}

// The state does not grow with what happened to the account.
func TestStateDoesNotGrow(t *testing.T) {
	t.Parallel()
	const postings = 10_000
	events := []aggregate.Event[account.Account]{created(atLeast(-500), atMost(1_000_000)), credited("t-0", 1, 1)}
	one := account.Accounts.FromEvents("a", events...).State()
	require.Equal(t, int64(1), one.Posted)
	for i := int64(1); i < postings; i++ {
		id := fmt.Sprint("t-", i)
		if i%3 == 0 {
			events = append(events, debited(id, 1, one.Posted))
			continue
		}
		events = append(events, credited(id, 2, one.Posted))
	}
	many := account.Accounts.FromEvents("a", events...).State()
	require.Equal(t, int64(1+2*6_666-3_333), many.Posted)
	many.Posted = one.Posted
	require.True(t, equal(one, many), "only the balance differs: %+v, %+v", one, many)
}

// A state keeps its limits, whatever becomes of the event that they came from.
func TestStateSharesNothingWithItsEvents(t *testing.T) {
	t.Parallel()
	opened := created(atLeast(-500), atMost(900))
	a := account.Accounts.FromEvents("a", opened).State()
	*opened.MinBalance, *opened.MaxBalance = 0, 0
	require.Equal(t, account.Limit{Set: true, Minor: -500}, a.MinBalance)
	require.Equal(t, account.Limit{Set: true, Minor: 900}, a.MaxBalance)
	*a.MinBalance.Pointer() = 1
	require.Equal(t, new(int64(-500)), a.MinBalance.Pointer())
	require.Nil(t, account.Limit{}.Pointer())
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		opened          account.AccountCreated
		lowest, highest account.Limit
	}{
		{"none given", created(), account.Limit{Set: true}, account.Limit{}},
		{
			"both given", created(atLeast(-5), atMost(7)),
			account.Limit{Set: true, Minor: -5},
			account.Limit{Set: true, Minor: 7},
		},
		{"both 0", created(atLeast(0), atMost(0)), account.Limit{Set: true}, account.Limit{Set: true}},
		{"external", created(external), account.Limit{}, account.Limit{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lowest, highest := account.Accounts.FromEvents("a", c.opened).State().Limits()
			require.Equal(t, c.lowest, lowest)
			require.Equal(t, c.highest, highest)
		})
	}
}

func TestZeroAccountDoesNotExist(t *testing.T) {
	t.Parallel()
	require.False(t, account.Account{}.Exists())
	require.True(t, equal(account.Account{}, account.Accounts.New("a").State()))
	require.True(t, account.Accounts.FromEvents("a", created()).State().Exists())
}
