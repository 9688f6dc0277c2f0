package measure

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fencelog/fencelog/eventstore"
	"github.com/fencelog/fencelog/internal/clock"
	"github.com/fencelog/fencelog/schema/registry"
)

// An audit passes an account's events in order, and nothing else.
func TestAuditFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	m, err := newMint(t.Context(), registry.NewMemory())
	require.NoError(t, err)
	src := newSource(newValues(1), 1, 1, clock.Now())
	at := func(version int64, r eventstore.Record, err error) eventstore.Record {
		require.NoError(t, err)
		r.Category, r.AggregateID, r.AggregateVersion = category, accountID(1), version
		return r
	}
	created, err := m.created(t.Context(), src)
	first := at(1, created, err)
	credit := func(version, amount, after int64) eventstore.Record {
		p := src.posting(1)
		p.amount = amount
		r, err := m.credited(t.Context(), src, p, after)
		return at(version, r, err)
	}
	foreign := credit(2, 5, 5)
	foreign.AggregateID = src.id()
	for _, c := range []struct {
		what   string
		events []eventstore.Record
		wrong  string
	}{
		{"all in order", []eventstore.Record{first, credit(2, 5, 5), credit(3, 7, 12)}, ""},
		{"one is lost", []eventstore.Record{first, credit(3, 7, 12)}, "has version 3, expected 2"},
		{"one comes twice", []eventstore.Record{first, credit(2, 5, 5), credit(2, 5, 10)}, "has version 2, expected 3"},
		{"decided too early", []eventstore.Record{first, credit(2, 5, 5), credit(3, 7, 7)}, "balance 7, expected 12"},
		{"never created", []eventstore.Record{credit(1, 5, 5)}, "is of the type AccountCredited"},
		{"created twice", []eventstore.Record{first, at(2, first, nil)}, "is of the type AccountCreated"},
		{"of another account", []eventstore.Record{first, foreign}, "none of the benchmark's accounts"},
	} {
		a := &audit{mint: m, accounts: make([]standing, 2)}
		for i := range c.events {
			if err = a.add(t.Context(), &c.events[i]); err != nil {
				break
			}
		}
		if c.wrong != "" {
			require.ErrorContains(t, err, c.wrong, c.what)
			continue
		}
		require.NoError(t, err, c.what)
		require.EqualValues(t, 2, a.credits)
		require.EqualValues(t, 12, a.sum)
		require.Equal(t, standing{version: 3, posted: 12}, a.accounts[1])
	}
}
