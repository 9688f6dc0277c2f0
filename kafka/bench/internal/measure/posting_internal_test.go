package measure

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fencelog/fencelog/billing/account"
	"github.com/fencelog/fencelog/billing/money"
	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/eventstore/memory"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/schema/registry"
)

// The records that the limit sends are those of commands, and so are those that fill topics. They
// have the same headers, and values of the same size that say the same.
func TestMintedRecordsAreThoseOfCommands(t *testing.T) {
	t.Parallel()
	schemas := registry.NewMemory()
	store, err := memory.New(memory.Config{Categories: []string{account.Accounts.Name()}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	s, err := newService(t.Context(), store, schemas)
	require.NoError(t, err)
	m, err := newMint(t.Context(), schemas)
	require.NoError(t, err)
	src := newSource(newValues(1), 1, 1, clock.Now())

	p := src.posting(7)
	most := money.Decimal(money.Format(accountMaxBalance, accountExponent))
	_, err = s.dispatch(t.Context(), src.posting(7), account.CreateAccount{
		AccountID: accountID(7), OwnerID: src.id(), OwnerType: account.OwnerUser, AccountType: account.TypeUser,
		Currency: accountCurrency, MaxBalance: &most,
	})
	require.NoError(t, err)
	require.NoError(t, s.refusedDebit(t.Context(), src, 7))
	_, err = s.dispatch(t.Context(), p, p.credit())
	require.NoError(t, err)
	var found []eventstore.Record
	for r, err := range store.ReadStream(t.Context(), accountStream(7), 1) {
		require.NoError(t, err)
		found = append(found, r)
	}

	created, err := m.created(t.Context(), src)
	require.NoError(t, err)
	credited, err := m.credited(t.Context(), src, p, p.amount)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for i, minted := range []eventstore.Record{created, credited} {
		stored := found[i]
		require.Len(t, minted.Value, len(stored.Value))
		require.Equal(t, eventstore.Size(stored), eventstore.Size(minted))
		require.Equal(t, stored.Type, minted.Type)
		require.Equal(t, stored.Revision, minted.Revision)
		require.Equal(t, stored.ActorID, minted.ActorID)
		require.Len(t, minted.CommandDigest, len(stored.CommandDigest))
	}
	require.Equal(t, found[1].CorrelationID, credited.CorrelationID)
	require.Equal(t, found[1].CausationID, credited.CausationID)
	require.Equal(t, found[1].CommandID, credited.CommandID)
	var did, made account.AccountCredited
	require.NoError(t, m.codec.Decode(t.Context(), m.types[credited.Type], found[1].Value, &did))
	require.NoError(t, m.codec.Decode(t.Context(), m.types[credited.Type], credited.Value, &made))
	made.EffectiveAt = did.EffectiveAt
	require.Equal(t, did, made)
}

// An account's number is in its id, and no other text has one.
func TestAccountsHaveNumbers(t *testing.T) {
	t.Parallel()
	length := len(newSource(newValues(1), 1, 1, clock.Now()).id())
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.IntRange(0, 999_999_999_999).Draw(t, "number")
		id := accountID(number)
		require.Len(t, id, length)
		found, err := accountNumber(id)
		require.NoError(t, err)
		require.Equal(t, number, found)
		_, err = accountNumber(rapid.String().Draw(t, "other text"))
		require.Error(t, err)
	})
}
